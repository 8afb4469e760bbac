//! Carries checks out, each in a thread of its own, and sees to it that every one ends.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};

use super::again::{Handed, Place};
use super::check::{Check, Checked, Stop, fail};
use super::checks;
use super::harness::Harness;
use super::kit::{Kit, is_in_real_time};
use super::known::Known;
use super::report::{Finding, Verdict};
use super::secret::{Secret, find};
use super::stage::Stage;
use super::trace::Trace;
use super::watch::Complaint;

/// Asks for every promise.
pub(crate) fn all(harness: &Arc<dyn Harness>, place: &Arc<Place>) -> Vec<Finding> {
    let watchdog = harness.patience();
    let mut left = watchdog;
    let real = is_in_real_time(&**harness);
    let mut complaints = Vec::new();
    let mut findings = Vec::new();
    for check in checks::all() {
        let started = Instant::now();
        let patience = if real { watchdog + REAL_ALLOWANCE } else { left.min(watchdog) };
        let patience = if left < Duration::from_secs(1) { left } else { patience };
        let (verdict, heard) = if patience < Duration::from_secs(1) {
            let why = "not asked, because too many checks did not stop".to_owned();
            (Verdict::Skipped(why), Vec::new())
        } else {
            judge(harness, check, place, patience)
        };
        if matches!(&verdict, Verdict::Failed(saw) if saw.starts_with(DID_NOT_STOP)) {
            left = left.saturating_sub(started.elapsed());
        }
        complaints.extend(heard.into_iter().map(|complaint| (check.promise.name, complaint)));
        findings.push(Finding { promise: check.promise, verdict });
    }
    // What was noticed by the way goes where it belongs.
    for (during, complaint) in complaints {
        let found = findings.iter_mut().find(|finding| finding.promise.name == complaint.check);
        if let Some(finding) = found.filter(|finding| finding.verdict == Verdict::Passed) {
            finding.verdict = Verdict::Failed(format!("{}, during `{during}`", complaint.saw));
        }
    }
    findings
}

/// Asks for one promise. What is noticed by the way fails it too: there is no other place.
pub(crate) fn one(
    harness: &Arc<dyn Harness>,
    check: &'static Check,
    place: &Arc<Place>,
) -> Finding {
    let real = is_in_real_time(&**harness);
    let patience = harness.patience() + if real { REAL_ALLOWANCE } else { Duration::ZERO };
    let (mut verdict, complaints) = judge(harness, check, place, patience);
    if let (Verdict::Passed, Some(Complaint { check, saw })) = (&verdict, complaints.first()) {
        verdict = Verdict::Failed(format!("{saw} (`{check}`)"));
    }
    Finding { promise: check.promise, verdict }
}

/// Carries out one check in the process that is there for it, hands over what was found, and ends.
pub(crate) fn apart(harness: &Arc<dyn Harness>, check: &'static Check) -> ! {
    let heard = Trace::default().of_all_threads();
    let stage = Stage::default();
    let place = Arc::new(Place::Apart);
    let (verdict, _) = judged(harness, check, &place, harness.patience() / 2, &stage, &heard);
    // Threads that were left behind say what they have to say.
    std::thread::sleep(AFTERMATH);
    let secrets = stage.known().map_or_else(Vec::new, Known::secrets);
    let shown = find(&secrets, heard.take().as_bytes());
    Handed::new(verdict, shown, &secrets).hand_over()
}

/// The name of the provider; empty if it cannot be made.
pub(crate) fn name(harness: &Arc<dyn Harness>) -> String {
    let (harness, patience) = (harness.clone(), harness.patience());
    let named = in_a_thread("name", patience, move |_| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        let kit = runtime.block_on(Kit::open(
            harness,
            Trace::default(),
            Stage::default(),
            Arc::new(Place::Here(None)),
        ));
        let kit = kit.ok()?;
        let _inside = runtime.enter();
        Some(kit.provider().id().to_string())
    });
    match named {
        Ended::Done(Some(name)) => name,
        _ => String::new(),
    }
}

fn judge(
    harness: &Arc<dyn Harness>,
    check: &'static Check,
    place: &Arc<Place>,
    patience: Duration,
) -> (Verdict, Vec<Complaint>) {
    judged(harness, check, place, patience, &Stage::default(), &Trace::default())
}

fn judged(
    harness: &Arc<dyn Harness>,
    check: &'static Check,
    place: &Arc<Place>,
    patience: Duration,
    stage: &Stage,
    trace: &Trace,
) -> (Verdict, Vec<Complaint>) {
    let (inner, harness) = (stage.clone(), harness.clone());
    let (place, trace) = (place.clone(), trace.clone());
    let ended = in_a_thread(check.promise.name, patience, move |stop| {
        carry_out(harness, check, (inner, trace, place), stop)
    });
    let verdict = match ended {
        _ if stage.watch().is_some_and(|watch| watch.harness_panicked()) => {
            Verdict::Failed(format!("the harness panicked{}", stage.last()))
        }
        Ended::Done(Ok(())) => Verdict::Passed,
        Ended::Done(Err(Stop::Failed(saw))) => Verdict::Failed(saw),
        Ended::Done(Err(Stop::Skipped(why))) => Verdict::Skipped(why),
        Ended::Panicked(text) => {
            let secrets = stage.watch().map_or_else(Vec::new, |watch| watch.secrets());
            Verdict::Failed(format!("a panic{}{}", told(&secrets, &text), stage.last()))
        }
        Ended::Running => Verdict::Failed(format!(
            "{DID_NOT_STOP}: no end within {} s, it spins or blocks{}",
            patience.as_secs(),
            stage.last()
        )),
    };
    (verdict, stage.watch().map_or_else(Vec::new, |watch| watch.complaints()))
}

/// The text of a panic, unless it shows a secret.
fn told(secrets: &[Secret], text: &str) -> String {
    match find(secrets, text.as_bytes()) {
        Some(secret) => format!(" that shows {secret}"),
        None if text.is_empty() => String::new(),
        None => format!(": {text}"),
    }
}

/// Everything that is traced in this thread belongs to the check.
fn carry_out(
    harness: Arc<dyn Harness>,
    check: &'static Check,
    (stage, trace, place): (Stage, Trace, Arc<Place>),
    stop: &AtomicBool,
) -> Checked {
    let paused = !is_in_real_time(&*harness);
    let patience = if paused { PAUSED_PATIENCE } else { harness.patience() + REAL_ALLOWANCE };
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let Ok(runtime) = runtime.enable_all().start_paused(paused).build() else {
        return fail("the kit cannot start a runtime");
    };
    tracing::subscriber::with_default(trace.clone(), || {
        runtime.block_on(async {
            let kit = match Kit::open(harness, trace.clone(), stage, place).await {
                Ok(kit) => kit,
                Err(error) => return fail(format!("the kit cannot start: {error}")),
            };
            let vendor = kit.vendor.clone();
            let checked = tokio::time::timeout(patience, unless(stop, (check.run)(kit)));
            match select(pin!(checked), pin!(vendor.exhausted())).await {
                Either::Left((Ok(Ok(())), _)) if vendor.is_broken() => {
                    fail("the harness panicked while a request was answered")
                }
                Either::Left((Ok(checked), _)) => checked,
                Either::Left((Err(_), _)) => {
                    fail(format!("{DID_NOT_STOP}: no end within {patience:?}"))
                }
                Either::Right(_) => fail(format!("{DID_NOT_STOP}: request after request")),
            }
        })
    })
}

/// Ends early when it is told to, for a future that only spins and does not block.
async fn unless(stop: &AtomicBool, checked: impl Future<Output = Checked>) -> Checked {
    let mut checked = pin!(checked);
    poll_fn(|context| {
        if stop.load(Ordering::Relaxed) {
            return Poll::Ready(fail(format!("{DID_NOT_STOP}: it spins")));
        }
        checked.as_mut().poll(context)
    })
    .await
}

/// How a thread ended, or did not.
enum Ended<T> {
    Done(T),
    Panicked(String),
    Running,
}

/// Runs something in a thread of its own, and waits for it so long.
fn in_a_thread<T: Send + 'static>(
    name: &str,
    patience: Duration,
    run: impl FnOnce(&AtomicBool) -> T + Send + 'static,
) -> Ended<T> {
    let stop = Arc::new(AtomicBool::new(false));
    let (sender, receiver) = mpsc::channel();
    let told = stop.clone();
    let body = move || {
        let ended = match catch_unwind(AssertUnwindSafe(|| run(&told))) {
            Ok(value) => Ended::Done(value),
            Err(payload) => Ended::Panicked(text(&*payload)),
        };
        // Nobody waits any more for one that was too late.
        let _ = sender.send(ended);
    };
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(body);
    let thread = thread.expect("the system has a thread to give");
    let ended = receiver.recv_timeout(patience).or_else(|_| {
        stop.store(true, Ordering::Relaxed);
        receiver.recv_timeout(GRACE)
    });
    match ended {
        Ok(ended) => {
            // What it owns is gone before the next check begins.
            let _ = thread.join();
            ended
        }
        Err(_) => Ended::Running,
    }
}

fn text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// How the verdict on a check begins that does not end by itself.
const DID_NOT_STOP: &str = "did not stop";
/// How long threads that a provider left behind may go on in a process that is there for one check.
const AFTERMATH: Duration = Duration::from_millis(100);
/// How long one that spins is given to notice that it is over.
const GRACE: Duration = Duration::from_secs(1);
/// How long one check may take in paused time: longer than any layer waits.
const PAUSED_PATIENCE: Duration = Duration::from_secs(400 * 24 * 3600);
/// How much longer one check may take in real time: a few deadlines, and many in haste.
const REAL_ALLOWANCE: Duration = Duration::from_secs(10);
