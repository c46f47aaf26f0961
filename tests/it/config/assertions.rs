//! Assertions as they are written in the configuration.

use super::check;

/// What is wrong in an assertion is shown where it is wrong, inside the text.
#[test]
fn assertions_that_cannot_be_meant_are_refused() {
    let (method, begin) = (
        "method = \"GET\"",
        "an assertion begins with what it is about",
    );
    let subjects = "write `header NAME`, `body`, a JSON path like `$.status`, `certificate_days`, `http_version` or `ip_family`";
    let tests = "write `exists`, `contains \"text\"`, `matches /pattern/`, or a comparison like `== \"ok\"`";
    for (assertion, message, remedy) in [
        ("'«stauts» == 200'", begin, subjects),
        (
            "'«status» == 200'",
            "no assertion is about this",
            "write `expected_statuses = [200, \"300-303\"]` under `[service.endpoint.http]`",
        ),
        (
            "'«[RESPONSE_TIME]» < 300'",
            "no assertion is about this",
            "write `latency_objective = \"300ms\"` under `[[service.endpoint]]`",
        ),
        (
            "'«latency» < 300ms'",
            "no assertion is about this",
            "write `latency_objective = \"300ms\"` under `[[service.endpoint]]`",
        ),
        (
            "'«[BODY].status» == UP'",
            "no assertion is about this",
            "write `body contains \"text\"`, or a JSON path like `$.status`",
        ),
        (
            "'body matches /pong/«i»'",
            "no flags follow a pattern",
            "write them at its beginning: `/(?i)pattern/` for both capitals and small letters",
        ),
        (
            "'header «»'",
            "`header` needs the name of one",
            "write it after a space, for example `header Content-Type`",
        ),
        ("'$.a «is» 3'", "this is not a test", tests),
        ("'$.a«»'", "the test is missing", tests),
        ("'$.a «=» 3'", "`=` is not a comparison", "write `==`"),
        (
            "'$.a not «==» 3'",
            "`not` stands before `exists`, `contains` and `matches` only",
            "turn the comparison round: `!=` for `==`, `>=` for `<`",
        ),
        (
            "'$.a == «ok»'",
            "this is not a value to compare with",
            "write a text in double quotes (`\"ok\"`), a number, `true`, `false` or `null`",
        ),
        (
            "'$.a == «03»'",
            "this is not a value to compare with",
            "write a text in double quotes (`\"03\"`), a number, `true`, `false` or `null`",
        ),
        (
            "'$.a ==«»'",
            "the value to compare with is missing",
            "write a text in double quotes, a number, `true`, `false` or `null`",
        ),
        (
            "'$.a == «\"ok»'",
            "the text is not closed",
            "end it with a double quote",
        ),
        (
            "'$.a == 3 «or 4»'",
            "something follows where it should be over",
            "remove it, or make it another assertion",
        ),
        (
            "'$.a[«-1]» == 3'",
            "the brackets hold neither an index nor a field",
            "write the number of an element, as in `$.items[0]`, or a field in quotes, as in `$[\"a field\"]`",
        ),
        (
            "'$.a «< \"b\"»'",
            "`<` compares numbers, and \"b\" is none",
            "write a number, or compare with `==` or `!=`",
        ),
        (
            "'header etag «== 3»'",
            "a header is a text",
            "write a text in double quotes, for example `== \"no-store\"`",
        ),
        (
            "'body «exists»'",
            "there is always a body, if only an empty one",
            "write `contains`, `matches`, `== \"…\"` or `!= \"\"`",
        ),
        (
            "'body contains «pong»'",
            "`contains` needs a text",
            "write it in double quotes: `contains \"pong\"`",
        ),
        (
            "'body contains «\"\"»'",
            "every text contains the empty one",
            "write what must be in there, or remove the assertion",
        ),
        (
            "'body matches «\"pong\"»'",
            "`matches` needs a regular expression",
            "write it between slashes: `matches /^[0-9]+$/`",
        ),
        (
            "'body matches «/a(b/»'",
            "this is not a regular expression: unclosed group",
            "write it as https://docs.rs/regex describes: without look-around and back-references, in linear time",
        ),
        (
            "'body matches «/(?=a)/»'",
            "this is not a regular expression: look-around, including look-ahead and look-behind, is not supported",
            "write it as https://docs.rs/regex describes: without look-around and back-references, in linear time",
        ),
        (
            "'certificate_days «>= 1.5»'",
            "days are counted whole",
            "write a whole number, for example `certificate_days >= 14`",
        ),
        (
            "'http_version «== 3»'",
            "there is no such version of HTTP here",
            "write 1.0, 1.1 or 2",
        ),
        (
            "'ip_family «== 5»'",
            "`ip_family` is 4 or 6",
            "write `ip_family == 4` or `ip_family == 6`",
        ),
        // Escapes move the places inside: the whole text is shown.
        (
            "«\"$.a == \\u0022b\"»",
            "the text is not closed",
            "end it with a double quote",
        ),
    ] {
        let written = format!("method = \"GET\"\nassertions = [{assertion}]");
        check(method, &written, message, remedy);
    }
    check(
        "url = \"https://api.example/ping\"",
        "url = \"http://api.example/ping\"\nassertions = [«'certificate_days > 14'»]",
        "there is no certificate: the address is not `https`",
        "write an `https://` address, or remove the assertion",
    );
}
