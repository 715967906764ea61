//! One chart as SVG: curves of a standard, what was measured, a title with units, a legend, and the same in words.

use std::ops::Range;

use anyhow::anyhow;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde::Deserialize;

/// What a chart is drawn for.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    /// A phone of 360 px.
    #[default]
    Phone,
    /// Half a page of paper.
    Paper,
}

/// Lengths in px.
struct Measures {
    picture: (u32, u32),
    title: i32,
    text: i32,
    left: i32,
    mark: i32,
}

impl Size {
    /// Pixels that stand for one of the drawing where it becomes pixels.
    pub const fn scale(self) -> u8 {
        match self {
            Self::Phone => 3,
            Self::Paper => 2,
        }
    }

    const fn measures(self) -> Measures {
        match self {
            Self::Phone => Measures { picture: (360, 340), title: 14, text: 11, left: 40, mark: 3 },
            Self::Paper => Measures { picture: (1040, 700), title: 22, text: 16, left: 64, mark: 5 },
        }
    }
}

/// Who measured, told apart by form and not by colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// A clinic: a full square.
    Clinic,
    /// The family: a ring.
    Family,
    /// By another way of counting the age: a cross.
    Beside,
}

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mark {
    /// Where.
    pub at: (f64, f64),
    /// By whom.
    pub sign: Sign,
}

/// A curve of a standard.
#[derive(Debug, Clone)]
pub struct Curve {
    /// What stands at its end.
    pub label: &'static str,
    /// The middle one is drawn strongest.
    pub is_middle: bool,
    /// The outermost ones warn.
    pub is_outermost: bool,
    /// Its points, from left to right.
    pub points: Vec<(f64, f64)>,
}

/// An axis whose lines and numbers stand where they are said to.
#[derive(Debug, Clone)]
pub struct Lined {
    /// From where to where.
    pub span: Range<f64>,
    /// Where its lines stand.
    pub lines: Vec<f64>,
}

impl Ranged for Lined {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (first, last): (i32, i32)) -> i32 {
        let part = (value - self.span.start) / (self.span.end - self.span.start);
        first + (part * f64::from(last - first)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.lines.clone()
    }

    fn range(&self) -> Range<f64> {
        self.span.clone()
    }
}

/// A chart.
#[derive(Debug)]
pub struct Chart {
    /// What it shows, by which standard.
    pub title: String,
    /// The horizontal axis with its unit.
    pub across: String,
    /// The vertical axis with its unit.
    pub up: String,
    /// What the horizontal axis spans, and where its lines lie.
    pub x: Lined,
    /// What the vertical axis spans.
    pub y: Range<f64>,
    /// The curves, the lowest first.
    pub curves: Vec<Curve>,
    /// Where what is measured should lie: the lower and the upper edge at each place.
    pub bands: Vec<Vec<(f64, f64, f64)>>,
    /// What was measured, each course from the oldest on.
    pub courses: Vec<Vec<Mark>>,
    /// What the signs mean.
    pub legend: Vec<(Sign, &'static str)>,
    /// The chart in words.
    pub words: String,
}

// Colours that are told apart by who does not see all of them (Okabe and Ito).
const MIDDLE: RGBColor = RGBColor(0, 114, 178);
const BETWEEN: RGBColor = RGBColor(86, 180, 233);
const OUTERMOST: RGBColor = RGBColor(213, 94, 0);
const GRID: RGBColor = RGBColor(225, 225, 225);
const INK: RGBColor = RGBColor(30, 30, 30);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Plane<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Lined, RangedCoordf64>>;
type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

impl Chart {
    /// The picture, with title and description for who does not see it.
    pub fn svg(&self, size: Size, lang: &str) -> anyhow::Result<String> {
        let measures = size.measures();
        let mut svg = String::new();
        {
            let root = SVGBackend::with_string(&mut svg, measures.picture).into_drawing_area();
            self.draw(&root, &measures).map_err(|err| anyhow!("a chart was not drawn: {err}"))?;
        }
        Ok(self.told(svg, lang))
    }

    fn draw(&self, root: &Area<'_>, measures: &Measures) -> Drawn {
        root.fill(&WHITE)?;
        let line = measures.text * 3 / 2;
        let (plane, legend) = root.split_vertically(measures.picture.1 as i32 - line - 4);
        let mut chart = ChartBuilder::on(&plane)
            .caption(&self.title, ("sans-serif", measures.title, &INK))
            .margin(6)
            .margin_right(measures.text * 3)
            .x_label_area_size(line * 2)
            .y_label_area_size(measures.left)
            .build_cartesian_2d(self.x.clone(), self.y.clone())?;
        let text = ("sans-serif", measures.text, &INK);
        chart
            .configure_mesh()
            .x_labels(self.x.lines.len())
            .y_labels(9)
            .x_label_formatter(&|x| format!("{x:.0}"))
            .y_label_formatter(&|y| format!("{y:.0}"))
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(INK)
            .label_style(text)
            .axis_desc_style(text)
            .x_desc(&self.across)
            .y_desc(&self.up)
            .draw()?;
        for band in &self.bands {
            let upper = band.iter().map(|(x, _, high)| (*x, *high));
            let lower = band.iter().rev().map(|(x, low, _)| (*x, *low));
            let edge: Vec<_> = upper.chain(lower).collect();
            chart.plotting_area().draw(&Polygon::new(edge, BETWEEN.mix(0.25)))?;
        }
        self.draw_curves(root, &mut chart, measures)?;
        self.draw_marks(root, &mut chart, measures)?;
        self.draw_legend(&legend, measures)?;
        root.present()
    }

    fn draw_curves<'b>(&self, root: &Area<'b>, chart: &mut Plane<'_, 'b>, measures: &Measures) -> Drawn {
        for curve in &self.curves {
            let (colour, width) = match (curve.is_middle, curve.is_outermost) {
                (true, _) => (MIDDLE, 2),
                (_, true) => (OUTERMOST, 1),
                _ => (BETWEEN, 1),
            };
            chart.draw_series(LineSeries::new(curve.points.iter().copied(), colour.stroke_width(width)))?;
            if let Some(end) = curve.points.last() {
                let (x, y) = chart.plotting_area().map_coordinate(end);
                root.draw(&Text::new(curve.label, (x + 3, y), beside(measures.text * 9 / 10, &INK)))?;
            }
        }
        Ok(())
    }

    fn draw_marks<'b>(&self, root: &Area<'b>, chart: &mut Plane<'_, 'b>, measures: &Measures) -> Drawn {
        for marks in &self.courses {
            let course = marks.iter().filter(|mark| mark.sign != Sign::Beside).map(|mark| mark.at);
            chart.draw_series(LineSeries::new(course, INK.stroke_width(1)))?;
            for mark in marks {
                draw_sign(root, mark.sign, chart.plotting_area().map_coordinate(&mark.at), measures.mark)?;
            }
        }
        Ok(())
    }

    fn draw_legend(&self, area: &Area<'_>, measures: &Measures) -> Drawn {
        let (width, middle) = (measures.picture.0 as i32, measures.text * 3 / 4);
        let each = (width - measures.left) / i32::try_from(self.legend.len().max(1)).unwrap_or(1);
        for (at, (of, text)) in (0..).zip(&self.legend) {
            let left = measures.left / 2 + at * each;
            draw_sign(area, *of, (left, middle), measures.mark)?;
            let place = (left + measures.mark * 3, middle);
            area.draw(&Text::new(*text, place, beside(measures.text, &INK)))?;
        }
        Ok(())
    }

    /// Adds what a screen reader says. The text is escaped like the rest of the picture.
    fn told(&self, svg: String, lang: &str) -> String {
        let words =
            format!("<svg role=\"img\" lang=\"{lang}\" aria-labelledby=\"chart-title chart-words\" ",);
        let told = format!(
            "<title id=\"chart-title\">{}</title>\n<desc id=\"chart-words\">{}</desc>\n",
            escaped(&self.title),
            escaped(&self.words)
        );
        let svg = svg.replacen("<svg ", &words, 1);
        match svg.find('>') {
            Some(end) => format!("{}\n{told}{}", &svg[..=end], &svg[end + 1..]),
            None => svg,
        }
    }
}

/// Text to the right of its place, in the middle of it.
fn beside<'a>(size: i32, colour: &'a RGBColor) -> TextStyle<'a> {
    TextStyle::from(("sans-serif", size).into_font()).color(colour).pos(Pos::new(HPos::Left, VPos::Center))
}

/// Draws a sign at a place in px, as tall as twice `size`.
fn draw_sign(area: &Area<'_>, of: Sign, (x, y): (i32, i32), size: i32) -> Drawn {
    match of {
        Sign::Clinic => {
            area.draw(&Rectangle::new([(x - size, y - size), (x + size, y + size)], INK.filled()))
        }
        Sign::Family => {
            area.draw(&Circle::new((x, y), size, WHITE.filled()))?;
            area.draw(&Circle::new((x, y), size, INK.stroke_width(2)))
        }
        Sign::Beside => area.draw(&Cross::new((x, y), size, INK.stroke_width(1))),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
