//! A peer that we did not write: nginx over TLS with a private authority.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use vigie::sla::observation::Stage;

use super::zoo::Authority;
use super::*;

/// A running nginx, stopped when the test ends.
struct Nginx {
    process: Child,
    http1: SocketAddr,
    http2: SocketAddr,
    directory: TempDir,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Nginx {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let authority = Authority::new("Vigie test authority");
        let identity = authority.issue(&["localhost"], (2020, 2040));
        std::fs::write(path.join("ca.pem"), authority.pem()).unwrap();
        std::fs::write(path.join("cert.pem"), &identity.pem).unwrap();
        std::fs::write(path.join("key.pem"), identity.key.serialize_pem()).unwrap();
        let [http1, http2] = [free_port(), free_port()];
        // Debian's nginx speaks TLS 1.2 only, unless told otherwise.
        let configuration = format!(
            r#"
            daemon off;
            master_process off;
            worker_processes 1;
            pid {path}/nginx.pid;
            error_log {path}/error.log;
            events {{ worker_connections 64; }}
            http {{
                access_log {path}/access.log;
                client_body_temp_path {path}/body;
                proxy_temp_path {path}/proxy;
                fastcgi_temp_path {path}/fastcgi;
                uwsgi_temp_path {path}/uwsgi;
                scgi_temp_path {path}/scgi;
                ssl_certificate {path}/cert.pem;
                ssl_certificate_key {path}/key.pem;
                ssl_protocols TLSv1.2 TLSv1.3;
                default_type application/json;
                gzip on;
                gzip_types application/json;
                gzip_min_length 1;
                server {{ listen {http1} ssl; {locations} }}
                server {{ listen {http2} ssl http2; {locations} }}
            }}
            "#,
            path = path.display(),
            locations = r#"
                location = /ping { return 200 '{"status":"ok"}'; }
                location = /maintenance { return 200 '{"status":"maintenance"}'; }
                location = /moved { return 302 /ping; }
                location = /protocol { return 200 '{"status":"$server_protocol $ssl_protocol $http_user_agent"}'; }
                location / { return 503; }
            "#,
        );
        std::fs::write(path.join("nginx.conf"), configuration).unwrap();
        let program = ["/usr/sbin/nginx", "/usr/bin/nginx"]
            .into_iter()
            .find(|program| std::path::Path::new(program).exists())
            .expect("nginx is not installed: run tests/all");
        let process = Command::new(program)
            .args(["-c".as_ref(), path.join("nginx.conf").as_os_str()])
            .args(["-e".as_ref(), path.join("error.log").as_os_str()])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let nginx = Self {
            process,
            http1,
            http2,
            directory,
        };
        nginx.await_readiness();
        nginx
    }

    fn await_readiness(&self) {
        let patience = Instant::now() + Duration::from_secs(10);
        while std::net::TcpStream::connect(self.http2).is_err() {
            let log = self.directory.path().join("error.log");
            assert!(
                Instant::now() < patience,
                "nginx does not start: {}",
                std::fs::read_to_string(log).unwrap_or_default()
            );
            std::thread::yield_now();
        }
    }
}

fn free_port() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

#[tokio::test]
#[ignore = "needs nginx: tests/all"]
async fn nginx_over_tls_with_a_private_authority() {
    let nginx = Nginx::start();
    for (address, protocol) in [(nginx.http1, "HTTP/1.1"), (nginx.http2, "HTTP/2.0")] {
        let agent = format!("vigie/{}", env!("CARGO_PKG_VERSION"));
        let spoken = format!("{protocol} TLSv1.3 {agent}");
        for (path, up, expected, message) in [
            ("/ping", "ok", "answered", ""),
            ("/protocol", &spoken, "answered", ""),
            (
                "/maintenance",
                "ok",
                "maintenance",
                "`$.status` is `maintenance`",
            ),
            ("/moved", "ok", "status:302", "status 302, expected 200"),
            ("/other", "ok", "status:503", "status 503, expected 200"),
        ] {
            let mut probe = get("localhost", address);
            probe.url.tls = true;
            probe.url.path = path.to_owned();
            probe.ca_file = Some(nginx.directory.path().join("ca.pem"));
            probe.json = ping_state();
            probe.json.as_mut().unwrap().up = vec![up.to_owned()];
            let finding = ask(&endpoint(probe)).await;
            assert_finding(&format!("{protocol} {path}"), &finding, expected, message);
            assert!(finding.trace.certificate_not_after.is_some());
            for stage in Stage::ALL {
                let reached = finding.trace.phases.of(stage).is_some();
                assert_eq!(reached, stage != Stage::Auth, "{stage:?}");
            }
        }
    }

    let mut probe = get("localhost", nginx.http1);
    probe.url.tls = true;
    probe.ca_file = None;
    let finding = ask(&endpoint(probe)).await;
    assert_ne!(
        verdict(&finding),
        "answered",
        "the private authority is nobody's"
    );
}
