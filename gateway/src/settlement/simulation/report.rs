//! The report of a simulated year: a table in Markdown and a plot in SVG.

use std::fmt::Write;

use crate::domain::money::frost::Frost;

use super::world::{Behaviour, Provider, World, YEAR_EPOCHS};

/// What a year came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// A table in Markdown: one row for each kind of provider.
    pub table: String,
    /// A plot: what a provider of each kind has gained by the end of each epoch.
    pub plot: String,
}

/// Plays a year and reports it.
///
/// # Errors
/// The text of an error of the simulation itself.
pub fn report(seed: u64) -> Result<Report, String> {
    let mut world = World::new(seed);
    let mut gains: Vec<Vec<i128>> = vec![vec![0]; Behaviour::ALL.len()];
    for _ in 0..YEAR_EPOCHS {
        world.pass_epoch()?;
        for (line, behaviour) in gains.iter_mut().zip(Behaviour::ALL) {
            line.push(mean(&world, behaviour, |provider| world.gain(provider)));
        }
    }
    Ok(Report { table: table(&world), plot: plot(&gains) })
}

fn of_kind(world: &World, behaviour: Behaviour) -> impl Iterator<Item = &Provider> {
    world.providers.iter().filter(move |provider| provider.behaviour == behaviour)
}

fn mean(world: &World, behaviour: Behaviour, amount: impl Fn(&Provider) -> i128) -> i128 {
    let count = of_kind(world, behaviour).count().max(1) as i128;
    of_kind(world, behaviour).map(amount).sum::<i128>() / count
}

fn wal(amount: i128) -> String {
    let sign = if amount < 0 { "-" } else { "" };
    let hundredths = amount.unsigned_abs() / u128::from(Frost::PER_WAL / 100);
    format!("{sign}{}.{:02}", hundredths / 100, hundredths % 100)
}

fn table(world: &World) -> String {
    let mut table =
        "| kind | providers | paid for periods, each | gained, each | least | most |\n|---|---|---|---|---|---|\n"
            .to_owned();
    for behaviour in Behaviour::ALL {
        let gains: Vec<_> = of_kind(world, behaviour).map(|provider| world.gain(provider)).collect();
        let (least, most) = (gains.iter().min().copied().unwrap_or(0), gains.iter().max().copied().unwrap_or(0));
        let cells = [
            behaviour.as_str().to_owned(),
            gains.len().to_string(),
            wal(mean(world, behaviour, |provider| i128::from(provider.paid.0))),
            wal(mean(world, behaviour, |provider| world.gain(provider))),
            wal(least),
            wal(most),
        ];
        let _ = writeln!(table, "| {} |", cells.join(" | "));
    }
    table
}

const WIDTH: i128 = 560;
const HEIGHT: i128 = 260;
const LEFT: i128 = 52;
const TOP: i128 = 16;
const COLOURS: [&str; 4] = ["#1b7837", "#e08214", "#b2182b", "#2166ac"];

/// The first of 1, 2, 5, 10, 20, 50 and so on that is more than `step`.
fn round_step(step: i128) -> i128 {
    let mut power = 1;
    loop {
        if let Some(round) = [1, 2, 5].into_iter().map(|digit| digit * power).find(|round| *round > step) {
            return round;
        }
        power *= 10;
    }
}

fn plot(gains: &[Vec<i128>]) -> String {
    let unit = i128::from(Frost::PER_WAL);
    let all = || gains.iter().flatten().copied();
    let step = round_step((all().max().unwrap_or(0) - all().min().unwrap_or(0)) / 6 / unit);
    let most = (all().max().unwrap_or(0).max(0) / unit / step + 1) * step;
    let least = -((-all().min().unwrap_or(0).min(0) + unit * step - 1) / unit / step) * step;
    let x = |epoch: i128| LEFT + epoch * WIDTH / i128::from(YEAR_EPOCHS);
    let y = |amount: i128| TOP + (most * unit - amount) * HEIGHT / ((most - least) * unit);

    let (width, height) = (LEFT + WIDTH + 96, TOP + HEIGHT + 40);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    let mut tick = least;
    while tick <= most {
        let at = y(tick * unit);
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {at}h{WIDTH}\" stroke=\"{}\"/><text x=\"{}\" y=\"{}\" text-anchor=\"end\">{tick}</text>",
            if tick == 0 { "#666" } else { "#ddd" },
            LEFT - 6,
            at + 4
        );
        tick += step;
    }
    for epoch in (0..=i128::from(YEAR_EPOCHS)).step_by(2) {
        let _ =
            writeln!(svg, "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{epoch}</text>", x(epoch), TOP + HEIGHT + 16);
    }
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">epoch; WAL gained by a provider, by kind</text>",
        LEFT + WIDTH / 2,
        TOP + HEIGHT + 34
    );
    for ((line, behaviour), colour) in gains.iter().zip(Behaviour::ALL).zip(COLOURS) {
        let points: Vec<String> =
            (0..).zip(line).map(|(epoch, amount)| format!("{},{}", x(epoch), y(*amount))).collect();
        let end = line.last().copied().unwrap_or(0);
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\
             <text x=\"{}\" y=\"{}\" fill=\"{colour}\">{}</text>",
            points.join(" "),
            LEFT + WIDTH + 6,
            y(end) + 4,
            behaviour.as_str()
        );
    }
    svg.push_str("</svg>\n");
    svg
}
