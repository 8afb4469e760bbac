//! The kit finds every flaw: providers that are right but for one thing, each seen in the wild.

#![cfg(feature = "conformance")]
#![allow(clippy::unwrap_used, reason = "a harness that cannot be made fails the test")]

mod broken;

use broken::attempts::*;
use broken::defaults::DefaultsHarness;
use broken::harness::Channels;
use broken::outcomes::*;
use broken::requests::*;
use broken::secrets::*;
use broken::sound::{Conduct, Sound};
use sealpush::conformance::{Verdict, run, run_one};

#[test]
fn the_provider_without_a_flaw_keeps_every_promise() {
    let report = run(Channels(|| Sound));
    assert!(report.is_ok(), "{report}");
}

/// Over real HTTP, check by check: a whole run waits for a provider without a deadline many times.
#[test]
fn an_http_client_with_its_defaults_is_found_out() {
    let verdict = |name| run_one(DefaultsHarness, name).unwrap().verdict;
    assert_eq!(verdict("sealed_octets_pass_unchanged"), Verdict::Passed);
    for name in [
        "redirects_are_not_followed",
        "an_endless_body_does_no_harm",
        "a_hanging_push_service_is_given_up",
        "a_refused_connection_is_transport",
        "errors_of_the_network_show_no_secret",
    ] {
        assert!(matches!(verdict(name), Verdict::Failed(_)), "{name}");
    }
}

/// The promises that a provider breaks are these, in the order of a report, and no others.
fn breaks<C: Conduct>(conduct: fn() -> C, promises: &[&str]) {
    let report = run(Channels(conduct));
    let broken: Vec<_> = report.failures().map(|finding| finding.name).collect();
    assert_eq!(broken, promises, "{report}");
}

macro_rules! flaws {
    ($($name:ident: $conduct:expr => [$($promise:literal),* $(,)?];)+) => {
        $(
            #[test]
            fn $name() {
                breaks(|| $conduct, &[$($promise),*]);
            }
        )+
    };
}

flaws! {
    every_4xx_is_dead: Every4xxIsDead => [
        "a_mismatch_is_a_mismatch",
        "a_mismatch_kills_no_token",
        "a_rejection_is_permanent",
        "too_large_is_payload_too_large",
        "rate_limiting_is_rate_limited",
        "a_refused_credential_kills_no_token",
        "a_4xx_without_its_reason_kills_no_token",
        "status_401_is_unauthorized",
        "status_403_is_about_us",
        "status_408_is_retryable",
        "status_413_is_payload_too_large",
        "status_429_is_rate_limited",
        "a_strange_retry_after_does_no_harm",
        "a_broken_body_changes_no_class",
        "a_deep_body_does_no_harm",
        "an_unknown_status_is_an_error",
        "a_refused_credential_is_renewed_once",
        "the_same_message_goes_out_after_a_renewal",
        "a_credential_refused_twice_is_unauthorized",
        "a_renewed_credential_is_kept",
        "a_clock_before_1970_does_no_harm",
        "a_clock_in_the_far_future_does_no_harm",
    ];
    trouble_is_dead: TroubleIsDead => [
        "trouble_is_unavailable",
        "a_4xx_without_its_reason_kills_no_token",
        "status_408_is_retryable",
        "a_strange_retry_after_does_no_harm",
        "every_5xx_is_unavailable",
        "no_5xx_kills_a_token",
        "a_broken_body_changes_no_class",
        "a_deep_body_does_no_harm",
        "an_unknown_status_is_an_error",
    ];
    mismatch_is_dead: MismatchIsDead => [
        "a_mismatch_is_a_mismatch",
        "a_mismatch_kills_no_token",
    ];
    delay_dropped_on_429: DelayDropped => [
        "retry_after_in_seconds_is_kept_on_429",
        "retry_after_as_a_date_is_kept_on_429",
    ];
    delay_read_in_seconds_only: DelayInSecondsOnly => [
        "retry_after_as_a_date_is_kept_on_429",
        "retry_after_as_a_date_is_kept_on_5xx",
    ];
    delay_added_to_the_clock: DelayOverflows => [
        "a_strange_retry_after_does_no_harm",
    ];
    success_by_the_status_alone: SuccessByStatus => [
        "success_with_an_error_in_it_is_an_error",
    ];
    panic_without_json: PanicsWithoutJson => [
        "the_plaintext_never_leaves",
        "the_authentication_secret_never_leaves",
        "a_refused_body_is_not_replaced",
        "a_4xx_without_its_reason_kills_no_token",
        "a_4xx_is_not_retried",
        "a_4xx_has_a_known_outcome",
        "a_gateway_leaves_the_outcome_unknown",
        "status_401_is_unauthorized",
        "status_403_is_about_us",
        "status_408_is_retryable",
        "status_413_is_payload_too_large",
        "status_429_is_rate_limited",
        "retry_after_in_seconds_is_kept_on_429",
        "retry_after_as_a_date_is_kept_on_429",
        "retry_after_in_seconds_is_kept_on_5xx",
        "retry_after_as_a_date_is_kept_on_5xx",
        "a_strange_retry_after_does_no_harm",
        "every_5xx_is_unavailable",
        "no_5xx_kills_a_token",
        "redirects_are_not_followed",
        "a_redirect_is_permanent",
        "a_success_that_cannot_be_read_is_not_repeated",
        "a_broken_body_changes_no_class",
        "a_deep_body_does_no_harm",
        "an_endless_body_does_no_harm",
        "an_unknown_status_is_an_error",
        "a_provider_does_not_wait_by_itself",
        "a_clock_before_1970_does_no_harm",
        "a_clock_in_the_far_future_does_no_harm",
        "answers_are_not_mixed_up",
        "errors_of_refusals_show_no_secret",
        "errors_of_an_echo_show_no_secret",
        "traces_of_failure_show_no_secret",
        "the_vendors_control_characters_stay_out",
        "an_error_is_short",
    ];
    unreadable_success_is_retried: GarbageIsRetried => [
        "a_success_that_cannot_be_read_is_not_repeated",
    ];
    timeout_with_a_known_outcome: TimeoutIsKnown => [
        "a_timeout_has_an_unknown_outcome",
        "a_reset_after_the_request_is_unknown",
    ];
    audience_without_port: AudienceWithoutPort => [
        "a_credential_is_meant_for_this_push_service",
    ];
    address_without_port: AddressWithoutPort => [
        "requests_go_to_the_push_service_only",
    ];
    ttl_dropped: TtlDropped => [
        "a_claimed_ttl_reaches_the_push_service",
        "a_ttl_of_zero_reaches_the_push_service",
        "a_longer_ttl_is_shortened_openly",
    ];
    ttl_of_zero_is_unset: ZeroTtlIsUnset => [
        "a_ttl_of_zero_reaches_the_push_service",
    ];
    topic_dropped_silently: TopicDropped => [
        "an_unclaimed_topic_is_refused",
        "a_refused_option_is_permanent",
    ];
    body_truncated: BodyTruncated => [
        "the_largest_body_passes_unchanged",
        "every_padding_passes_unchanged",
    ];
    body_as_text: BodyAsText => [
        "sealed_octets_pass_unchanged",
        "octets_of_every_value_pass_unchanged",
        "the_largest_body_passes_unchanged",
        "every_padding_passes_unchanged",
        "the_user_agent_opens_what_arrives",
        "a_refused_body_is_not_replaced",
        "a_repeated_message_carries_the_same_octets",
        "messages_are_not_merged",
        "the_same_message_goes_out_after_a_renewal",
        "a_thousand_sends_arrive_once_each",
        "answers_are_not_mixed_up",
        "a_hanging_send_delays_no_other",
    ];
    visible_fallback: VisibleFallback => [
        "a_refused_body_is_not_replaced",
        "one_call_is_one_request",
        "redirects_are_not_followed",
        "answers_are_not_mixed_up",
    ];
    keys_travel: KeysTravel => [
        "the_authentication_secret_never_leaves",
    ];
    address_pasted_into_json: AddressPasted => [
        "an_address_without_members_is_refused",
        "an_address_of_the_wrong_type_is_refused",
        "an_empty_address_is_refused",
        "a_malformed_address_is_refused",
        "a_malformed_address_is_not_retried",
        "control_characters_in_an_address_reach_no_field",
    ];
    limit_unchecked: LimitUnchecked => [
        "a_body_over_the_limit_stays_here",
    ];
    foreign_token_sent: ForeignTokenSent => [
        "a_token_of_another_provider_is_a_mismatch",
        "a_token_of_another_provider_goes_nowhere",
        "a_token_of_another_provider_stays_alive",
    ];
    retry_inside: RetriesInside => [
        "one_call_is_one_request",
    ];
    broken_request_repeated: BrokenRequestRepeated => [
        "an_unknown_outcome_is_not_repeated",
    ];
    redirect_followed: RedirectFollowed => [
        "redirects_are_not_followed",
    ];
    wait_inside: WaitsInside => [
        "a_provider_does_not_wait_by_itself",
    ];
    credential_never_renewed: NeverRenewed(None.into()) => [
        "an_expired_credential_is_renewed",
        "a_refused_credential_is_renewed_once",
    ];
    credential_for_each_message: MintsEachTime => [
        "a_credential_is_used_again",
        "a_renewed_credential_is_kept",
        "messages_in_parallel_share_a_credential",
    ];
    credential_renewed_again_and_again: RenewsAgainAndAgain => [
        "a_credential_refused_twice_is_unauthorized",
    ];
    lock_held_over_a_request: LockHeld::default() => [
        "a_hanging_send_delays_no_other",
    ];
    busy_for_ever_after_a_cancelled_send: BusyForEver::default() => [
        "messages_in_parallel_share_a_credential",
        "a_thousand_sends_arrive_once_each",
        "answers_are_not_mixed_up",
        "a_hanging_send_delays_no_other",
        "a_cancelled_send_leaves_the_provider_usable",
        "a_cancelled_renewal_is_taken_over",
    ];
    no_deadline: NoDeadline => [
        "errors_name_the_provider",
        "a_hanging_push_service_is_given_up",
        "a_timeout_has_an_unknown_outcome",
        "a_timeout_is_retryable_and_kills_no_token",
        "the_deadline_is_not_repeated",
        "the_provider_recovers_from_a_broken_connection",
        "errors_of_the_network_show_no_secret",
        "traces_of_failure_show_no_secret",
    ];
    address_in_the_error: AddressInError => [
        "errors_of_refusals_show_no_secret",
        "errors_of_the_vendors_words_show_no_secret",
        "errors_of_an_echo_show_no_secret",
    ];
    address_in_the_source: AddressInSource => [
        "errors_of_the_network_show_no_secret",
    ];
    answer_in_the_error: AnswerInError => [
        "an_endless_body_does_no_harm",
        "errors_of_an_echo_show_no_secret",
        "the_vendors_control_characters_stay_out",
        "an_error_is_short",
    ];
    debug_derived: DerivedDebug::new() => [
        "debug_of_the_provider_shows_no_secret",
    ];
    credential_traced: CredentialTraced => [
        "traces_of_success_show_no_secret",
        "traces_of_failure_show_no_secret",
    ];
    token_traced_in_base64: TokenTracedInBase64 => [
        "errors_of_the_mint_show_no_secret",
        "traces_of_success_show_no_secret",
        "traces_of_failure_show_no_secret",
    ];
}
