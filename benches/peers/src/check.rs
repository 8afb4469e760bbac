//! Before anything is measured: what one side seals, every side opens.

use crate::push_service::Place;
use crate::sides::Side;
use crate::task::{Task, Work};

/// Lets every side seal a text of its own, and every side open it.
pub fn all_open_each_other(sides: &[Side], place: &Place) -> Result<(), String> {
    let mut pairs = 0;
    for &sealer in sides.iter().filter(|side| side.can(Task::Seal)) {
        let mut work = Work { count: 1, ..Work::new(Task::Seal, sealer, place, 1.0) };
        work.text = format!("sealed by {}: \u{1f980}", sealer.name());
        let body = once(sealer, &work)?;
        for &opener in sides.iter().filter(|side| side.can(Task::Open)) {
            let opening = Work { task: Task::Open, body: body.clone(), ..work.clone() };
            let text = once(opener, &opening)?;
            if text != work.text {
                return Err(format!("{} opened {} as {text:?}", opener.name(), sealer.name()));
            }
            pairs += 1;
        }
    }
    println!("{pairs} pairs of a sealer and an opener understand each other");
    Ok(())
}

fn once(side: Side, work: &Work) -> Result<String, String> {
    let output = side.output(work).map_err(|fault| format!("{}: {fault}", side.name()))?;
    serde_json::from_str(&output).map_err(|error| format!("{}: {error}", side.name()))
}
