//! A provider that speaks HTTP/2 in clear, over real connections.

use super::*;

fn over_http2() -> impl Harness {
    amend(Channels(|| sound::Sound))
        .with_wire(|_| Wire::Loopback)
        .with_provider(|_, vendor| {
            let transport = ReqwestTransport::builder()
                .guard(EndpointGuard::loopback_for_tests())
                .timeout(vendor.deadline())
                .http2_prior_knowledge()
                .build();
            let api = Api {
                base: vendor.url().to_owned(),
                transport: Arc::new(transport.unwrap()),
                clock: vendor.clock(),
                held: tokio::sync::Mutex::new(None),
            };
            Arc::new(sound::Provider { conduct: sound::Sound, api })
        })
        .with_refusal(|_, _, request| {
            let version = request.version();
            (version != Version::HTTP_2).then(|| format!("{version:?} is not HTTP/2"))
        })
}

/// HTTP/2 in clear with prior knowledge, and nothing else, over real connections.
#[test]
fn http2_in_clear_is_no_flaw() {
    for name in [
        "sealed_octets_pass_unchanged",
        "every_request_is_one_that_the_push_service_takes",
        "many_tokens_at_once_reach_their_own_addresses",
        "a_hundred_hanging_sends_delay_no_other",
        "a_refused_credential_is_renewed_once",
        "redirects_are_not_followed",
        "an_endless_body_does_no_harm",
        "a_hanging_push_service_is_given_up",
        "a_reset_after_the_request_is_unknown",
        "the_provider_recovers_from_a_broken_connection",
        "messages_in_a_row_share_a_connection",
        "no_connection_is_left_behind",
    ] {
        let finding = run_one(over_http2(), name).unwrap();
        assert_eq!(finding.verdict, Verdict::Passed, "{finding}");
    }
}

/// Whatever the environment of the process says.
#[test]
fn http2_in_clear_goes_by_no_proxy() {
    let finding = run_one(over_http2(), "proxies_of_the_environment_are_not_used").unwrap();
    assert_eq!(finding.verdict, Verdict::Passed, "{finding}");
}
