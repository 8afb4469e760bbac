//! One test for every promise.

use std::io::Write as _;

/// Makes a module with one `#[test]` for every promise of the
/// [conformance kit](crate::conformance).
///
/// The first argument names the module, the second is an expression that makes the
/// [`Harness`](crate::conformance::Harness); it is evaluated once for each test. The tests bring
/// their own runtime, so the caller's manifest needs no tokio. A skipped promise passes, and says
/// on standard error that it was skipped and why, even without `--nocapture`.
///
/// ```
/// sealpush::conformance_tests!(my_provider, MyHarness::new());
/// ```
#[macro_export]
macro_rules! conformance_tests {
    ($module:ident, $harness:expr $(,)?) => {
        mod $module {
            #[allow(unused_imports, reason = "the harness may be named without a path")]
            use super::*;

            $crate::__conformance_checks! { $crate::__conformance_test [$harness] }
        }
    };
}

/// One test; for [`conformance_tests!`] only.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_test {
    ([$harness:expr] $($name:ident)+) => {
        $(
            #[test]
            fn $name() {
                $crate::conformance::__test(
                    concat!(module_path!(), "::", stringify!($name)),
                    stringify!($name),
                    || $harness,
                );
            }
        )+
    };
}

/// Hands the names of all checks to another macro.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_checks {
    ($callback:path [$($arguments:tt)*]) => {
        $callback! {
            [$($arguments)*]
            the_harness_knows_the_credential
            the_harness_makes_an_address_for_each_name
            the_harness_sees_what_arrives
            the_harness_tells_answers_apart
            the_harness_knows_its_ages

            sealed_octets_pass_unchanged
            octets_of_every_value_pass_unchanged
            the_largest_body_passes_unchanged
            every_padding_passes_unchanged
            options_change_no_octets
            a_body_over_the_limit_stays_here
            the_message_seals_within_the_limit
            the_user_agent_opens_what_arrives
            the_plaintext_never_leaves
            the_authentication_secret_never_leaves
            the_public_key_never_leaves
            a_refused_body_is_not_replaced
            a_repeated_message_carries_the_same_octets
            messages_are_not_merged
            a_push_without_a_body_is_sent_or_refused

            a_token_of_another_provider_is_a_mismatch
            a_token_of_another_provider_goes_nowhere
            an_address_without_members_is_refused
            an_address_of_the_wrong_type_is_refused
            an_empty_address_is_refused
            a_malformed_address_is_refused
            control_characters_in_an_address_reach_no_field
            quotes_in_an_address_add_no_member
            a_very_long_address_does_no_harm
            unknown_members_do_no_harm
            requests_go_to_the_push_service_only
            acceptance_names_the_provider
            the_name_does_not_change

            two_tokens_reach_two_addresses
            many_tokens_in_a_row_reach_their_own_addresses
            many_tokens_at_once_reach_their_own_addresses
            many_tokens_reach_their_own_addresses_after_a_refusal
            one_message_reaches_two_tokens
            an_address_arrives_octet_for_octet
            an_address_cannot_change_the_path
            an_address_leads_to_no_other_host
            unknown_members_stay_here

            acceptance_is_acceptance
            one_call_is_one_request
            nothing_happens_after_a_call
            a_dead_token_is_expired
            a_mismatch_is_a_mismatch
            a_forbidden_message_is_about_us
            a_rejection_is_permanent
            too_large_is_payload_too_large
            rate_limiting_is_rate_limited
            trouble_is_unavailable
            success_with_an_error_in_it_is_an_error
            a_refused_credential_is_unauthorized
            errors_name_the_provider
            errors_carry_the_status
            a_failure_leaves_no_trace

            acceptance_names_the_message
            acceptance_names_this_message
            acceptances_are_not_mixed_up

            a_4xx_without_its_reason_kills_no_token
            a_dead_status_is_expired
            a_proxys_page_kills_no_token
            a_4xx_is_not_retried
            a_4xx_has_a_known_outcome
            a_gateway_leaves_the_outcome_unknown
            status_401_is_unauthorized
            status_403_is_about_us
            status_408_is_retryable
            status_413_is_payload_too_large
            status_429_is_rate_limited
            retry_after_in_seconds_is_kept_on_429
            retry_after_as_a_date_is_kept_on_429
            retry_after_in_seconds_is_kept_on_5xx
            retry_after_as_a_date_is_kept_on_5xx
            a_strange_retry_after_does_no_harm
            every_5xx_is_unavailable
            no_5xx_kills_a_token
            redirects_are_not_followed
            a_redirect_is_permanent
            a_success_that_cannot_be_read_is_not_repeated
            a_strange_success_is_not_repeated
            a_broken_body_changes_no_class
            a_deep_body_does_no_harm
            an_endless_body_does_no_harm
            fields_that_are_no_text_do_no_harm
            an_answer_sets_nothing
            an_unknown_status_is_an_error

            every_request_is_signed
            a_credential_is_meant_for_this_push_service
            a_credential_travels_in_no_address
            a_credential_is_used_again
            a_credential_is_kept_for_a_while
            a_key_stays_here
            an_expired_credential_is_renewed
            a_refused_credential_is_renewed_once
            the_same_message_goes_out_after_a_renewal
            a_credential_refused_twice_is_unauthorized
            after_two_refusals_the_next_message_goes_through
            a_young_credential_is_not_renewed
            another_refusal_costs_no_credential
            a_renewed_credential_is_kept
            messages_in_parallel_share_a_credential
            those_who_wait_share_one_renewal_at_expiry
            those_who_wait_share_one_renewal_after_a_refusal
            a_given_credential_is_not_tried_twice
            a_refused_mint_is_unauthorized
            trouble_at_the_mint_is_retryable
            garbage_from_the_mint_is_no_credential
            redirects_of_the_mint_are_not_followed
            a_lost_mint_has_a_known_outcome

            a_hanging_push_service_is_given_up
            a_timeout_has_an_unknown_outcome
            a_slow_answer_is_awaited
            a_provider_does_not_wait_by_itself
            nothing_waits_for_itself
            no_poll_blocks
            the_deadline_is_not_repeated
            a_clock_before_1970_does_no_harm
            a_clock_in_the_far_future_does_no_harm
            a_clock_that_goes_back_does_no_harm

            a_refused_connection_is_transport
            a_refused_connection_is_not_tried_again
            a_reset_after_the_request_is_unknown
            a_reset_is_retryable_and_kills_no_token
            an_unknown_outcome_is_not_repeated
            a_refusal_has_a_known_outcome
            a_blocked_address_stays_blocked
            a_repeated_message_has_the_same_key
            two_messages_have_two_keys
            the_provider_recovers_from_a_broken_connection

            a_thousand_sends_arrive_once_each
            answers_are_not_mixed_up
            a_hanging_send_delays_no_other
            a_hundred_hanging_sends_delay_no_other
            options_of_messages_at_once_are_not_mixed
            a_send_that_is_never_polled_does_nothing
            a_cancelled_send_leaves_the_provider_usable
            a_cancelled_send_sends_once_at_most
            a_send_dropped_before_its_request_sends_nothing
            a_cancelled_renewal_is_taken_over

            messages_in_a_row_share_a_connection
            no_connection_is_left_behind
            proxies_of_the_environment_are_not_used

            debug_of_the_provider_shows_no_secret
            debug_of_acceptance_shows_no_secret
            errors_of_refusals_show_no_secret
            errors_of_the_vendors_words_show_no_secret
            errors_of_an_echo_show_no_secret
            errors_of_an_echo_in_fields_show_no_secret
            errors_of_the_network_show_no_secret
            errors_before_the_network_show_no_secret
            errors_of_the_mint_show_no_secret
            traces_of_success_show_no_secret
            traces_of_failure_show_no_secret
            nothing_printed_shows_a_secret
            nothing_logged_shows_a_secret
            the_vendors_control_characters_stay_out
            an_error_is_short

            a_plain_message_needs_none
            every_request_is_one_that_the_push_service_takes
            the_claims_do_not_change
            the_largest_body_can_be_made
            a_claimed_ttl_reaches_the_push_service
            a_ttl_of_zero_reaches_the_push_service
            a_longer_ttl_is_shortened_openly
            no_ttl_is_lengthened_silently
            an_unclaimed_ttl_is_refused
            a_claimed_urgency_reaches_the_push_service
            an_urgency_keeps_its_place
            an_unclaimed_urgency_is_refused
            a_claimed_topic_reaches_the_push_service
            an_unclaimed_topic_is_refused
            options_do_not_stick
            a_placeholder_arrives_as_it_is
            claims_hold_together
        }
    };
}

/// Asks for one promise, and ends a test as its finding says.
#[doc(hidden)]
pub fn __test<H: super::Harness>(test: &str, name: &str, harness: impl FnOnce() -> H) {
    super::again::set_test(test);
    let finding = super::run_one(harness(), name);
    let finding = finding.expect("the macro names checks of this crate only");
    match &finding.verdict {
        super::Verdict::Failed(_) => panic!("{test}\n{finding}"),
        super::Verdict::Passed => {}
        // Standard error itself: what goes through `eprintln!` is hidden when the test passes.
        super::Verdict::Skipped(why) => {
            let line = format!("skipped: {test}: {why}\n");
            // One write, so that lines of tests in parallel stay whole.
            let _ = std::io::stderr().write_all(line.as_bytes());
        }
    }
}

#[cfg(test)]
macro_rules! names {
    ([] $($name:ident)+) => {
        /// The names that the macro knows.
        pub(crate) const NAMES: &[&str] = &[$(stringify!($name)),+];
    };
}
#[cfg(test)]
__conformance_checks! { names [] }
