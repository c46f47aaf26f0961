//! A server that asks for TLS and a password.
//!
//! Goal: it connects as the documentation says, and each refusal names the server, says what to
//! do, and never shows the password. Method: a real PostgreSQL with certificates of our own; the
//! configuration as a user writes it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::TempDir;
use vigie::config::StoreConfig;
use vigie::store::Store;

use crate::postgres::{Server, url};
use crate::probe::zoo::{Authority, Identity};

const PASSWORD: &str = "la-clef-de-la-tour";
const ACCESS: &str = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";
const GOOD: (i32, i32) = (2020, 2040);

/// A server, and a folder with what is configured to reach it.
struct Scene {
    server: Server,
    folder: TempDir,
}

impl Scene {
    fn new() -> Self {
        let server = Server::start();
        server.sql("postgres", "CREATE DATABASE evidence");
        server.sql(
            "postgres",
            &format!("ALTER ROLE vigie PASSWORD '{PASSWORD}'"),
        );
        server.write("pg_hba.conf", ACCESS);
        let scene = Self {
            server,
            folder: tempfile::tempdir().unwrap(),
        };
        scene.write("password", PASSWORD);
        scene.write("wrong-password", "la-clef-des-champs");
        scene
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    }

    /// Starts it again with this certificate.
    fn present(&mut self, identity: &Identity) {
        self.server.write("server.crt", &identity.pem);
        self.server
            .write("server.key", &identity.key.serialize_pem());
        self.server.sql("postgres", "ALTER SYSTEM SET ssl = on");
        self.server.kill();
        self.server.run();
    }

    fn name(&self, database: &str) -> String {
        url(&[self.server.port], database)
    }

    /// The store of `database` with these lines below its address.
    fn store(&self, database: &str, keys: &str) -> StoreConfig {
        let text = format!(
            "[provider]\nname = \"Essai\"\ncontact = \"a@b.example\"\n[vantage]\nid = \"main\"\n\
             [store]\nurl = \"{}\"\n{keys}\n\
             [[service]]\nid = \"api\"\nname = \"API\"\n\
             [[service.endpoint]]\nid = \"a\"\nlabel = \"A\"\ncontractual = true\n\
             interval = \"10s\"\ntimeout = \"5s\"\n\
             [service.endpoint.http]\nurl = \"http://a.example/\"\n\
             [[service.commitment]]\nquote = \"95 %\"\nreference = \"Essai\"\ntarget = \"95 %\"\n\
             from = 2026-01-01\nperiod = \"text\"\n",
            self.name(database)
        );
        let path = self.folder.path().join("vigie.toml");
        std::fs::write(&path, text).unwrap();
        load(&path)
    }

    fn check_refused(&self, keys: &str, told: &str) {
        self.check_refused_at("evidence", keys, told);
    }

    fn check_refused_at(&self, database: &str, keys: &str, told: &str) {
        let store = self.store(database, keys);
        let refused = Store::open(&store).unwrap_err();
        let (shown, debugged) = (refused.to_string(), format!("{refused:?} {store:?}"));
        assert!(shown.contains(told), "{shown}\nhas no: {told}");
        assert!(shown.contains(&self.name(database)), "{shown}");
        assert!(!shown.contains("la-clef"), "{shown}");
        assert!(!debugged.contains("la-clef"), "{debugged}");
    }
}

fn load(path: &Path) -> StoreConfig {
    let config = vigie::config::load(path).unwrap_or_else(|error| panic!("{error}"));
    config.store
}

const DOCUMENTED: &str = "password = { file = \"password\" }\nca_file = \"ca.pem\"";

#[test]
#[ignore = "needs PostgreSQL: tests/all"]
fn a_server_is_reached_over_tls_with_a_password_and_refusals_say_what_to_do() {
    let mut scene = Scene::new();
    let ours = Authority::new("Vigie test authority");
    scene.write("ca.pem", &ours.pem());
    scene.write("their-ca.pem", &Authority::new("Somebody else").pem());
    scene.write("empty.pem", "");

    scene.server.kill();
    scene.server.run();
    scene.check_refused(
        DOCUMENTED,
        "server does not support TLS: see that the server offers TLS (or write `security = \"plain\"`",
    );

    scene.present(&ours.issue(&["127.0.0.1"], GOOD));
    let store = Store::open(scene.store("evidence", DOCUMENTED)).unwrap();
    let over_tls = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
                    WHERE application_name LIKE 'vigie%' AND ssl AND version = 'TLSv1.3'";
    assert_eq!(scene.server.sql("postgres", over_tls), "1");
    drop(store);

    let theirs = "password = { file = \"password\" }\nca_file = \"their-ca.pem\"";
    let unknown = "no authority that we trust signed the server's certificate: name the file of the one that did as `store.ca_file`";
    scene.check_refused(theirs, unknown);
    scene.check_refused("password = { file = \"password\" }", unknown);
    scene.check_refused(
        "password = { file = \"password\" }\nca_file = \"empty.pem\"",
        "empty.pem`: it holds no certificate (PEM)",
    );
    scene.check_refused(
        "password = { file = \"wrong-password\" }\nca_file = \"ca.pem\"",
        "password authentication failed for user \"vigie\" (SQLSTATE 28P01): correct `store.url` and `store.password`",
    );
    scene.check_refused(
        "ca_file = \"ca.pem\"",
        "password missing: see that the server offers TLS (or write `security = \"plain\"` where the network to it is trusted), and that `store.password` is there",
    );
    scene.check_refused(
        "password = { file = \"password\" }\nsecurity = \"plain\"",
        "with TLS or without as `store.security` says (the server's `pg_hba.conf`)",
    );
    scene.check_refused_at(
        "nothing",
        DOCUMENTED,
        "database \"nothing\" does not exist (SQLSTATE 3D000): correct `store.url`",
    );

    scene.present(&ours.issue(&["db.example"], GOOD));
    scene.check_refused(
        DOCUMENTED,
        "name the server in `store.url` as its certificate does, or give it a certificate for this name",
    );
    scene.present(&ours.issue(&["127.0.0.1"], (2020, 2024)));
    scene.check_refused(
        DOCUMENTED,
        "renew the server's certificate (its `ssl_cert_file`) and reload the server",
    );
    scene.server.kill();
    scene.check_refused(
        DOCUMENTED,
        "see that the server runs and can be reached from here (`store.url`)",
    );
}
