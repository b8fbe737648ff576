//! Stages of actions in flight and of actions that just finished, by row. They are shown as temporary markers next to
//! the names of the rows.

use std::time::Duration;

use crate::actions::outcome::StepStage;
use crate::observe::row_ids::RowId;

/// Time for which the result of an action is shown.
const RESULT_SHOWN_FOR: Duration = Duration::from_secs(10);

/// Stage of the newest action on each row.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    rows: Vec<(RowId, StepStage, Duration)>,
}

impl InFlight {
    /// Stores the stage of an action on a row.
    pub(crate) fn set_stage(&mut self, row: RowId, stage: StepStage, now: Duration) {
        self.rows.retain(|(row_id, row_stage, at)| {
            let is_over = matches!(row_stage, StepStage::Succeeded | StepStage::Failed)
                && now.saturating_sub(*at) >= RESULT_SHOWN_FOR;
            *row_id != row && !is_over
        });
        self.rows.push((row, stage, now));
    }

    /// Returns the stage of the newest action on a row; `None` if the row had no action, or if that action
    /// finished at least 10 s ago.
    pub(crate) fn stage(&self, row: RowId, now: Duration) -> Option<StepStage> {
        let (_, stage, at) = self.rows.iter().find(|(row_id, ..)| *row_id == row)?;
        let is_over = matches!(stage, StepStage::Succeeded | StepStage::Failed);
        (!is_over || now.saturating_sub(*at) < RESULT_SHOWN_FOR).then_some(*stage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};

    #[test]
    fn in_flight_hides_finished_action_after_10_seconds() {
        let row = SampleBuilder::default().build_at_millis(0, &stat_of_site()).rows.ids()[1];
        let (mut in_flight, second) = (InFlight::default(), Duration::from_secs);
        in_flight.set_stage(row, StepStage::Sent, second(1));
        assert_eq!(in_flight.stage(row, second(60)), Some(StepStage::Sent));
        in_flight.set_stage(row, StepStage::Succeeded, second(60));
        assert_eq!(in_flight.stage(row, second(69)), Some(StepStage::Succeeded));
        assert_eq!(in_flight.stage(row, second(70)), None);
        assert_eq!(in_flight.stage(RowId::PROCESS, second(70)), None);
    }
}
