//! What painting a drawing costs, added up before it is painted.
//!
//! The renderer paints a tree whose every measure is known, and how it does so is simple: an outline costs what it covers
//! and the heights of its edges; a group that is more than the sum of its parts gets a layer of its own, up to five times
//! as wide and high as the picture; a filter some images of its region's size. The prices below are nanoseconds, measured
//! on a slow machine and rounded up; what they must do is to keep a hundred times too much apart from a lot.

use resvg::{
    tiny_skia::{PathSegment, Point, Rect, Transform},
    usvg::{Group, Node, Paint, Path, Stroke, Tree, filter::Filter, filter::Kind},
};

use super::Unsafe;

/// Most time for a drawing. What it really takes is rather half of it.
const MOST_TIME_NS: f64 = 1.5e9;
/// Most memory of layers, filters and tiles that are needed at once.
const MOST_BYTES: f64 = 160e6;

/// How far from the picture's corner anything may reach.
const FARTHEST_PIXELS: f32 = 1e6;

const PIXEL_BYTES: f64 = 4.0;
const COLOUR_PIXEL_NS: f64 = 3.0;
const GRADIENT_PIXEL_NS: f64 = 7.0;
const PATTERN_PIXEL_NS: f64 = 25.0;
const IMAGE_PIXEL_NS: f64 = 25.0;
/// Reading back a picture within the drawing, which we wrote ourselves.
const IMAGE_NS: f64 = 2e7;
const LAYER_PIXEL_NS: f64 = 20.0;
const EDGE_PIXEL_NS: f64 = 20.0;
const SEGMENT_NS: f64 = 150.0;
const STROKED_SEGMENT_NS: f64 = 1500.0;
/// The outline of a stroke goes along both sides of it and around its corners.
const STROKE_EDGES: f64 = 3.0;
const NODE_NS: f64 = 1000.0;

/// Refuses what would take too long or too much memory when it is painted so.
pub(super) fn check(tree: &Tree, transform: Transform, (width, height): (u32, u32)) -> Result<(), Unsafe> {
    #[expect(clippy::cast_precision_loss, reason = "sides of pictures are small numbers")]
    let (wide, high) = (width as f32, height as f32);
    let canvas = Rect::from_xywh(0.0, 0.0, wide, high).ok_or(Unsafe::Elaborate)?;
    let widest = Rect::from_xywh(-2.0 * wide, -2.0 * high, 5.0 * wide, 5.0 * high).ok_or(Unsafe::Elaborate)?;
    let mut effort = Effort { time_ns: 0.0, widest };
    effort.group(tree.root(), Place { transform, region: canvas, bytes: 0.0 })
}

struct Effort {
    time_ns: f64,
    /// Beyond it no layer reaches.
    widest: Rect,
}

/// Where something is painted.
#[derive(Clone, Copy)]
struct Place {
    transform: Transform,
    /// The pixels that can be painted on.
    region: Rect,
    /// What is in memory already while it is painted.
    bytes: f64,
}

impl Place {
    fn pixels(&self, rect: Rect) -> f64 {
        overlap(self.placed(rect), self.region).map_or(0.0, area)
    }

    fn placed(&self, rect: Rect) -> Option<Rect> {
        rect.transform(self.transform)
    }

    /// Refuses what the renderer cannot reckon with: its numbers are small, and it panics where they do not suffice.
    fn reaches(&self, rect: Rect) -> Result<(), Unsafe> {
        let is_near = |placed: &Rect| {
            [placed.left(), placed.top(), placed.right(), placed.bottom()]
                .iter()
                .all(|side| side.abs() <= FARTHEST_PIXELS)
        };
        if self.placed(rect).as_ref().is_some_and(is_near) { Ok(()) } else { Err(Unsafe::Vast) }
    }

    fn holding(self, bytes: f64) -> Result<Self, Unsafe> {
        let bytes = self.bytes + bytes;
        if bytes <= MOST_BYTES { Ok(Self { bytes, ..self }) } else { Err(Unsafe::Elaborate) }
    }
}

impl Effort {
    fn spend(&mut self, time_ns: f64) -> Result<(), Unsafe> {
        self.time_ns += time_ns;
        if self.time_ns <= MOST_TIME_NS { Ok(()) } else { Err(Unsafe::Elaborate) }
    }

    fn nodes(&mut self, group: &Group, place: Place) -> Result<(), Unsafe> {
        group.children().iter().try_for_each(|node| match node {
            Node::Group(group) => self.group(group, place),
            Node::Path(path) => self.path(path, place),
            Node::Image(image) => {
                let pixels = image.size().to_rect(0.0, 0.0).map_or(0.0, |whole| place.pixels(whole));
                self.spend(IMAGE_NS + IMAGE_PIXEL_NS * pixels)
            }
            Node::Text(text) => self.group(text.flattened(), place),
        })
    }

    fn group(&mut self, group: &Group, place: Place) -> Result<(), Unsafe> {
        self.spend(NODE_NS)?;
        let place = Place { transform: place.transform.pre_concat(group.transform()), ..place };
        if !group.should_isolate() {
            return self.nodes(group, place);
        }
        let whole = place.placed(group.layer_bounding_box().to_rect());
        let Some(region) = overlap(whole, self.widest) else { return Ok(()) };
        let pixels = area(region);
        self.spend(LAYER_PIXEL_NS * pixels)?;
        let layer = Place { region, ..place }.holding(PIXEL_BYTES * pixels)?;
        self.nodes(group, layer)?;
        group.filters().iter().try_for_each(|filter| self.filter(filter, layer))?;
        let mut clip = group.clip_path();
        let mut held = layer;
        while let Some(path) = clip {
            held = held.holding(PIXEL_BYTES * pixels)?;
            self.spend(LAYER_PIXEL_NS * pixels)?;
            self.group(path.root(), Place { transform: held.transform.pre_concat(path.transform()), ..held })?;
            clip = path.clip_path();
        }
        let mut mask = group.mask();
        while let Some(inner) = mask {
            held = held.holding(PIXEL_BYTES * pixels)?;
            self.spend(LAYER_PIXEL_NS * pixels)?;
            self.group(inner.root(), held)?;
            mask = inner.mask();
        }
        Ok(())
    }

    fn path(&mut self, path: &Path, place: Place) -> Result<(), Unsafe> {
        place.reaches(path.stroke_bounding_box())?;
        let shape = Shape::of(path, place);
        self.spend(NODE_NS)?;
        if let Some(fill) = path.fill() {
            self.spend(EDGE_PIXEL_NS * shape.edge_pixels + SEGMENT_NS * shape.segments)?;
            self.paint(fill.paint(), place, place.pixels(path.bounding_box()))?;
        }
        if let Some(stroke) = path.stroke() {
            let dashes = dashes(stroke, shape.length);
            let edges = STROKE_EDGES * shape.edge_pixels + 8.0 * dashes;
            self.spend(EDGE_PIXEL_NS * edges + STROKED_SEGMENT_NS * (shape.segments + 2.0 * dashes))?;
            self.paint(stroke.paint(), place, place.pixels(path.stroke_bounding_box()))?;
        }
        Ok(())
    }

    fn paint(&mut self, paint: &Paint, place: Place, pixels: f64) -> Result<(), Unsafe> {
        match paint {
            Paint::Color(_) => self.spend(COLOUR_PIXEL_NS * pixels),
            Paint::LinearGradient(_) | Paint::RadialGradient(_) => self.spend(GRADIENT_PIXEL_NS * pixels),
            Paint::Pattern(pattern) => {
                self.spend(PATTERN_PIXEL_NS * pixels)?;
                let (across, down) = place.transform.pre_concat(pattern.transform()).get_scale();
                let (wide, high) = (pattern.rect().width() * across, pattern.rect().height() * down);
                let Some(tile) = Rect::from_xywh(0.0, 0.0, wide.max(1.0), high.max(1.0)) else { return Ok(()) };
                self.spend(LAYER_PIXEL_NS * area(tile))?;
                let place = Place { transform: Transform::from_scale(across, down), region: tile, ..place };
                self.nodes(pattern.root(), place.holding(PIXEL_BYTES * area(tile))?)
            }
        }
    }

    fn filter(&mut self, filter: &Filter, place: Place) -> Result<(), Unsafe> {
        let pixels = overlap(place.placed(filter.rect().to_rect()), self.widest).map_or(0.0, area);
        let (across, down) = place.transform.get_scale();
        let mut held = place.holding(3.0 * PIXEL_BYTES * pixels)?;
        for primitive in filter.primitives() {
            held = held.holding(PIXEL_BYTES * pixels)?;
            let pixel_ns = match primitive.kind() {
                Kind::GaussianBlur(_) | Kind::DropShadow(_) => 150.0,
                Kind::DiffuseLighting(_) | Kind::SpecularLighting(_) => 200.0,
                Kind::Turbulence(turbulence) => 500.0 * f64::from(turbulence.num_octaves().max(1)),
                Kind::ConvolveMatrix(matrix) => {
                    8.0 * f64::from(matrix.matrix().columns()) * f64::from(matrix.matrix().rows())
                }
                Kind::Morphology(morphology) => {
                    let window = |radius: f32, scale: f32| 2.0 * f64::from(radius * scale) + 1.0;
                    4.0 * window(morphology.radius_x().get(), across) * window(morphology.radius_y().get(), down)
                }
                Kind::Image(image) => {
                    self.group(image.root(), held)?;
                    30.0
                }
                _ => 30.0,
            };
            self.spend((LAYER_PIXEL_NS + pixel_ns) * pixels)?;
        }
        Ok(())
    }
}

/// What an outline costs to follow.
struct Shape {
    segments: f64,
    /// How far its edges go up and down within the region, in pixels.
    edge_pixels: f64,
    /// How long it is, in its own units; not shorter than it really is.
    length: f64,
}

impl Shape {
    fn of(path: &Path, place: Place) -> Self {
        let mut shape = Self { segments: 0.0, edge_pixels: 0.0, length: 0.0 };
        let (mut last, mut start) = (Point::zero(), Point::zero());
        for segment in path.data().segments() {
            let (points, count) = match segment {
                PathSegment::MoveTo(point) => {
                    (last, start) = (point, point);
                    continue;
                }
                PathSegment::LineTo(point) => ([point; 3], 1),
                PathSegment::QuadTo(one, end) => ([one, end, end], 2),
                PathSegment::CubicTo(one, two, end) => ([one, two, end], 3),
                PathSegment::Close => ([start; 3], 1),
            };
            shape.segments += 1.0;
            for point in points.into_iter().take(count) {
                shape.length += f64::from(point.distance(last));
                shape.edge_pixels += height(last, point, place);
                last = point;
            }
        }
        shape
    }
}

/// How many rows of pixels a line crosses.
fn height(one: Point, other: Point, place: Place) -> f64 {
    let row = |point: Point| {
        let Transform { ky, sy, ty, .. } = place.transform;
        (ky * point.x + sy * point.y + ty).clamp(place.region.top(), place.region.bottom())
    };
    f64::from((row(one) - row(other)).abs())
}

/// How many dashes a line of this length has; beyond a million the renderer draws it whole.
fn dashes(stroke: &Stroke, length: f64) -> f64 {
    stroke.dasharray().map_or(0.0, |lengths| {
        let period = f64::from(lengths.iter().sum::<f32>()).max(1e-9);
        lengths.iter().map(|_| length / period).sum::<f64>().min(1e6)
    })
}

fn overlap(rect: Option<Rect>, region: Rect) -> Option<Rect> {
    rect.and_then(|rect| rect.intersect(&region))
}

fn area(rect: Rect) -> f64 {
    // Layers are two pixels wider than what is in them, on each side.
    (f64::from(rect.width()) + 4.0) * (f64::from(rect.height()) + 4.0)
}
