//! RFC 8292 §2.1: who to contact. Apple refuses what it takes for no contact (`BadJwtToken`), so a
//! subject that parses is one that every push service takes.
#![cfg(feature = "webpush")]

use sealpush::ErrorKind;
use sealpush::providers::webpush::Subject;

fn assert_refused(texts: &[&str]) {
    for text in texts {
        let error = text.parse::<Subject>().expect_err(text);
        assert_eq!(error.kind(), ErrorKind::Configuration, "{text}");
        assert!(error.to_string().starts_with("the VAPID subject "), "{error}");
        assert!(text.len() < 12 || !format!("{error:?}").contains(text), "{error:?}");
    }
}

#[test]
fn a_contact_that_can_be_reached_is_taken() {
    for good in [
        "mailto:ops@push-demo.dev",
        "mailto:push+alerts@mail.push-demo.dev",
        "mailto:first.last@push-demo.dev",
        "mailto:o'neil_*!$-~1@push-demo.dev",
        "mailto:o%2Bps%25%3D@push-demo.dev",
        "mailto:ops@xn--bcher-kva.dev",
        "mailto:ops@1and1.dev",
        "mailto:ops@a-b.c--d.dev",
        "https://push-demo.dev",
        "https://push-demo.dev/contact?topic=push#mail",
        "https://push-demo.dev/a%20b",
        "https://push-demo.dev:8443/",
        "https://push-demo.dev?x",
    ] {
        assert_eq!(good.parse::<Subject>().expect(good).as_str(), good);
    }
}

#[test]
fn schemes_are_taken_in_any_case_and_kept_in_lower_case() {
    for (text, kept) in [
        ("MAILTO:Ops@push-demo.dev", "mailto:Ops@push-demo.dev"),
        ("MailTo:ops@Push-Demo.DEV", "mailto:ops@Push-Demo.DEV"),
        ("HTTPS://push-demo.dev/A", "https://push-demo.dev/A"),
    ] {
        assert_eq!(text.parse::<Subject>().unwrap().as_str(), kept);
    }
}

#[test]
fn what_is_no_contact_is_refused() {
    assert_refused(&[
        "",
        ":",
        "ops@push-demo.dev",
        "push-demo.dev",
        "http://push-demo.dev",
        "tel:+491234567",
        "data:text/plain,ops@push-demo.dev",
        "mailto :ops@push-demo.dev",
        "-----BEGIN PRIVATE KEY-----",
        r#"{"sub":"mailto:ops@push-demo.dev"}"#,
        &format!("mailto:ops@push-demo.dev/{}", "a".repeat(255)),
    ]);
}

#[test]
fn a_mail_address_is_one_dot_atom_at_one_host_name() {
    let long_label = format!("mailto:ops@{}.dev", "a".repeat(64));
    let long_local = format!("mailto:{}@push-demo.dev", "a".repeat(65));
    assert_refused(&[
        "mailto:",
        "mailto:ops",
        "mailto:@push-demo.dev",
        "mailto:ops@",
        "mailto:mailto:ops@push-demo.dev",
        "mailto:MAILTO:ops@push-demo.dev",
        "mailto://ops@push-demo.dev",
        "mailto: ops@push-demo.dev",
        "mailto:ops @push-demo.dev",
        "mailto:<ops@push-demo.dev>",
        "mailto:Ops <ops@push-demo.dev>",
        "mailto:\"ops\"@push-demo.dev",
        "mailto:%22ops%22@push-demo.dev",
        "mailto:ops@push-demo.dev\r\nX: y",
        "mailto:öps@push-demo.dev",
        // RFC 5322 §3.2.3: no dot at an end, no two in a row.
        "mailto:.ops@push-demo.dev",
        "mailto:ops.@push-demo.dev",
        "mailto:o..ps@push-demo.dev",
        "mailto:ops@push..dev",
        "mailto:ops@.push-demo.dev",
        "mailto:ops@push-demo.dev.",
        // RFC 6068 §2: what must be percent-encoded, and what may not be.
        "mailto:a&b@push-demo.dev",
        "mailto:a=b@push-demo.dev",
        "mailto:a;b@push-demo.dev",
        "mailto:a/b@push-demo.dev",
        "mailto:a:b@push-demo.dev",
        "mailto:ops%@push-demo.dev",
        "mailto:ops%2@push-demo.dev",
        "mailto:ops%zz@push-demo.dev",
        "mailto:ops%+2@push-demo.dev",
        "mailto:o%2E%2Eps@push-demo.dev",
        "mailto:ops%40push-demo.dev",
        "mailto:o%20ps@push-demo.dev",
        "mailto:o%0Aps@push-demo.dev",
        "mailto:%C3%B6ps@push-demo.dev",
        "mailto:ops@push%2Ddemo.dev",
        // One contact, and nothing about the mail.
        "mailto:ops@push-demo.dev,me@push-demo.dev",
        "mailto:ops@push-demo.dev;me@push-demo.dev",
        "mailto:ops@push-demo.dev?subject=push",
        "mailto:?to=ops@push-demo.dev",
        "mailto:ops@push-demo.dev#push",
        "mailto:ops@push-demo.dev/",
        "mailto:ops@me@push-demo.dev",
        // RFC 1123 §2.1.
        "mailto:ops@-push.dev",
        "mailto:ops@push-.dev",
        "mailto:ops@push_demo.dev",
        "mailto:ops@push-demo.dev:25",
        "mailto:ops@push-demo.1dev",
        "mailto:ops@push",
        "mailto:ops@127.0.0.1",
        "mailto:ops@0x7f.0x1",
        "mailto:ops@[127.0.0.1]",
        "mailto:ops@[IPv6:::1]",
        &long_label,
        &long_local,
    ]);
}

#[test]
fn a_page_is_held_to_the_same() {
    assert_refused(&[
        "HTTPS:push-demo.dev",
        "https:/push-demo.dev",
        "https://",
        "https:///push-demo.dev",
        "https://push-demo.dev.",
        "https://push..demo.dev",
        "https://.push-demo.dev",
        "https://-push.dev",
        "https://push_demo.dev",
        "https://push-demo",
        "https://127.0.0.1/",
        "https://0x7f.1/",
        "https://2130706433/",
        "https://[::1]/",
        "https://me@push-demo.dev/",
        "https://me:secret-word@push-demo.dev/",
        "https://push-demo.dev:/",
        "https://push-demo.dev:0/",
        "https://push-demo.dev:65536/",
        "https://push-demo.dev:x/",
        "https://push-demo.dev/a b",
        "https://push-demo.dev/a%2",
        "https://push-demo.dev/[a]",
        "https://push-demo.dev\\a",
        "https://push%2Ddemo.dev/",
        "https://bücher.dev/",
    ]);
}

#[test]
fn a_name_that_nobody_can_reach_is_refused() {
    for domain in [
        "localhost",
        "LOCALHOST",
        "app.localhost",
        "push.invalid",
        "push.local",
        "push.lan",
        "push.internal",
        "push.home.arpa",
        "push.test",
        "push.onion",
        "push.example",
        "example.com",
        "EXAMPLE.com",
        "mail.example.org",
        "example.net",
    ] {
        assert_refused(&[
            &format!("mailto:ops@{domain}"),
            &format!("MAILTO:ops@{domain}"),
            &format!("https://{domain}/contact"),
            &format!("HTTPS://{domain}:8443"),
        ]);
    }
    assert!("mailto:ops@my-example.com".parse::<Subject>().is_ok());
}
