//! Acts under way and just done, by row: what a row shows beside its name for a moment.

use std::time::Duration;

use crate::actions::outcome::Stage;
use crate::observe::row_ids::RowId;

/// How long the end of an act is shown.
const SHOWN_FOR: Duration = Duration::from_secs(10);

/// The newest act of each row that had one lately.
#[derive(Debug, Default)]
pub struct UnderWay {
    rows: Vec<(RowId, Stage, Duration)>,
}

impl UnderWay {
    /// An act on a row has come this far.
    pub fn tell(&mut self, row: RowId, stage: Stage, now: Duration) {
        self.rows.retain(|(known, known_stage, at)| {
            let is_over = matches!(known_stage, Stage::Good | Stage::Bad) && now.saturating_sub(*at) >= SHOWN_FOR;
            *known != row && !is_over
        });
        self.rows.push((row, stage, now));
    }

    /// How far the newest act on a row has come; nothing when there is none, or it ended a while ago.
    pub fn stage(&self, row: RowId, now: Duration) -> Option<Stage> {
        let (_, stage, at) = self.rows.iter().find(|(known, ..)| *known == row)?;
        let is_over = matches!(stage, Stage::Good | Stage::Bad);
        (!is_over || now.saturating_sub(*at) < SHOWN_FOR).then_some(*stage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleMaker, site};

    #[test]
    fn an_end_is_shown_for_a_while_and_an_act_under_way_as_long_as_it_takes() {
        let row = SampleMaker::default().at_millis(0, &site()).rows.ids()[1];
        let (mut under_way, second) = (UnderWay::default(), Duration::from_secs);
        under_way.tell(row, Stage::Sent, second(1));
        assert_eq!(under_way.stage(row, second(60)), Some(Stage::Sent));
        under_way.tell(row, Stage::Good, second(60));
        assert_eq!(under_way.stage(row, second(69)), Some(Stage::Good));
        assert_eq!(under_way.stage(row, second(70)), None);
        assert_eq!(under_way.stage(RowId::PROCESS, second(70)), None);
    }
}
