//! Cells and sort keys about the future: when a limit will be reached, and whether a backend could lose a server.

use crate::haproxy::stat_table::RowKind;
use crate::instance::state::Instance;
use crate::problems::forecast::{Forecast, forecast_words};
use crate::problems::server_loss::ServerLoss;
use crate::table::cell::{Cell, Role};
use crate::table::columns::column::SortKey;
use crate::table::columns::row_view::RowView;
use crate::units;

/// Time to the limit below which the cell is marked as bad, in seconds.
const BAD_SECONDS: f64 = 60.0;
/// Time to the limit below which the cell is marked as a warning, in seconds.
const WARN_SECONDS: f64 = 600.0;

/// Returns the forecast of the row's limit that is reached first.
fn soonest<'a>(row: &RowView<'a>) -> Option<&'a Forecast> {
    row.instance.forecasts().for_row(row.id).first()
}

fn time_role(seconds: f64) -> Role {
    match seconds {
        seconds if seconds < BAD_SECONDS => Role::Bad,
        seconds if seconds < WARN_SECONDS => Role::Warn,
        _ => Role::Normal,
    }
}

/// Returns the time until a limit of the row is reached, or `now` if it is reached.
pub(crate) fn full_in_cell(row: &RowView<'_>) -> Cell {
    Cell::from_option(soonest(row), |forecast| {
        let time = match forecast.per_second {
            None => "now".to_owned(),
            Some(_) => units::seconds(forecast.seconds.round() as i64),
        };
        Cell::new(time, time_role(forecast.seconds))
    })
}

/// Returns the sort key: the seconds until a limit of the row is reached.
pub(crate) fn full_in_key(row: &RowView<'_>) -> SortKey {
    SortKey::number(soonest(row).map(|forecast| forecast.seconds))
}

/// Returns what is full next and when, such as `fe_tcp` and `full in 1m20s`; `None` if no value climbs to its limit.
pub(crate) fn next_full(instance: &Instance) -> Option<(String, Cell)> {
    let growing = instance.forecasts().iter().filter(|(_, forecast)| forecast.per_second.is_some());
    let (id, forecast) = growing.min_by(|(_, one), (_, other)| one.seconds.total_cmp(&other.seconds))?;
    let name = match instance.shown()?.row(id) {
        None => forecast.limit.noun.to_owned(),
        Some(row) if row.kind == RowKind::Server => format!("{}/{}", row.proxy, row.name),
        Some(row) => row.proxy.to_string(),
    };
    let time = units::seconds(forecast.seconds.round() as i64);
    Some((name, Cell::new(format!("full in {time}"), time_role(forecast.seconds))))
}

fn server_loss(row: &RowView<'_>) -> Option<ServerLoss> {
    ServerLoss::from_backend(row.sample, row.backend()?)
}

fn loss_role(loss: &ServerLoss) -> Role {
    if loss.is_held() { Role::Normal } else { Role::Warn }
}

/// Returns the load of a backend's fullest remaining server if its busiest server were lost, as a share of the limit.
pub(crate) fn server_loss_cell(row: &RowView<'_>) -> Cell {
    Cell::from_option(server_loss(row), |loss| Cell::new(units::percent(loss.share()), loss_role(&loss)))
}

/// Returns the sort key: the load after the loss of a server, in percent.
pub(crate) fn server_loss_key(row: &RowView<'_>) -> SortKey {
    SortKey::number(server_loss(row).map(|loss| loss.share() * 100.0))
}

/// Returns the forecasts of a row, and the loss of a backend's busiest server, in words and with a heading each.
pub(crate) fn outlook_lines(row: &RowView<'_>) -> Vec<(&'static str, Cell)> {
    let forecasts = row.instance.forecasts().for_row(row.id).iter();
    let lines = forecasts.map(|forecast| ("limit", Cell::new(forecast_words(forecast), time_role(forecast.seconds))));
    lines.chain(server_loss(row).map(|loss| ("server loss", Cell::new(loss.describe(), loss_role(&loss))))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::SampleBuilder;

    #[test]
    fn outlook_cells_show_forecast_and_server_loss() {
        let (mut instance, mut builder) = (Instance::default(), SampleBuilder::default());
        for second in (0..=40).step_by(2) {
            let stat = format!(
                "# pxname,svname,scur,slim,status,weight,act,bck,type,\nf,FRONTEND,{},100,OPEN,,,,0,\n\
                 b,s1,50,80,UP,1,1,0,2,\nb,s2,50,80,UP,1,1,0,2,\nb,BACKEND,0,,UP,2,2,0,1,\n",
                second + 30
            );
            instance.add_sample(builder.build_at_millis(second * 1000, &stat), 0);
        }
        let row = |index| RowView::new(&instance, instance.shown().unwrap(), index);
        assert_eq!(full_in_cell(&row(0)), Cell::new("30s", Role::Bad));
        assert_eq!(full_in_key(&row(0)), SortKey::Number(30.0));
        assert_eq!((full_in_cell(&row(1)), full_in_key(&row(1))), (Cell::unknown(), SortKey::Absent));
        assert_eq!(next_full(&instance), Some(("f".to_owned(), Cell::new("full in 30s", Role::Bad))));
        assert_eq!(server_loss_cell(&row(3)), Cell::new("125%", Role::Warn));
        assert_eq!(server_loss_cell(&row(1)), Cell::unknown(), "only backends");
        let lines =
            |index| outlook_lines(&row(index)).into_iter().map(|(name, cell)| (name, cell.text)).collect::<Vec<_>>();
        assert_eq!(lines(0), [("limit", "70 of 100 connections, full in 30 s at +1/s".to_owned())]);
        let loss = "without s1, s2 would have 100 of 80 sessions: the rest would queue".to_owned();
        assert_eq!(lines(3), [("server loss", loss)]);
    }
}
