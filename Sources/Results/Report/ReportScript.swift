/// What a page does by itself: a drawing says its values where it is pointed at, and shows a part of itself where a part is
/// marked. It fetches nothing; without it the page is whole, and points say their values as titles.
///
/// Charts have their axes in `data-frame`, `data-x` and `data-y`, curves their points in `data-points`
/// (`LineChart+SVG.swift`).
enum ReportScript {
  /// The element, where a page has drawings.
  static func element(_ body: [String]) -> [String] {
    body.contains { $0.contains("<svg") } ? ["<script>", script, "</script>"] : []
  }

  private static let script = #"""
    "use strict";
    (() => {
    const SVG = "http://www.w3.org/2000/svg";
    const numbers = text => text.split(" ").map(Number);
    // As many places as a tenth of a percent of what is shown needs.
    const places = span => Math.min(9, Math.max(0, 3 - Math.floor(Math.log10(span))));
    const text = (value, span) => String(Number(value.toFixed(places(span))));

    class Axis {
      constructor(description, pixels) {
        const [kind, lower, upper] = description.split(" ");
        this.isLog = kind === "log";
        this.whole = [Number(lower), Number(upper)];
        this.pixels = pixels;
        this.reset();
      }
      reset() { [this.lower, this.upper] = this.whole; }
      get isWhole() { return this.lower === this.whole[0] && this.upper === this.whole[1]; }
      // Where a value lies between the ends: 0 to 1.
      share(value) {
        const on = this.isLog ? Math.log : v => v;
        return (on(value) - on(this.lower)) / (on(this.upper) - on(this.lower));
      }
      position(value) { return this.pixels[0] + this.share(value) * (this.pixels[1] - this.pixels[0]); }
      value(pixel) {
        const share = (pixel - this.pixels[0]) / (this.pixels[1] - this.pixels[0]);
        return this.isLog ? this.lower * (this.upper / this.lower) ** share
          : this.lower + share * (this.upper - this.lower);
      }
      shows(value) { return !this.isLog || value > 0; }
      span(value) { return this.isLog ? value : this.upper - this.lower; }
      get ticks() {
        const rough = (this.upper - this.lower) / 5, power = 10 ** Math.floor(Math.log10(rough));
        const step = [1, 2, 5, 10].map(f => f * power).find(s => s >= rough * 0.999);
        if (this.isLog && this.upper / this.lower > 20) {
          const first = Math.ceil(Math.log10(this.lower) - 1e-9), last = Math.floor(Math.log10(this.upper) + 1e-9);
          return Array.from({length: last - first + 1}, (_, index) => 10 ** (first + index));
        }
        const first = Math.ceil(this.lower / step - 1e-9), last = Math.floor(this.upper / step + 1e-9);
        return Array.from({length: last - first + 1}, (_, index) => (first + index) * step);
      }
    }

    class Chart {
      constructor(element, number) {
        this.element = element;
        this.svg = element.ownerSVGElement;
        const [left, upper, right, lower] = numbers(element.dataset.frame);
        Object.assign(this, {left, upper, right, lower});
        this.x = new Axis(element.dataset.x, [left, right]);
        this.y = new Axis(element.dataset.y, [lower, upper]);
        this.ticks = ["x", "y"].map(name => element.querySelector(`.${name}-ticks`));
        this.drawnTicks = this.ticks.map(ticks => ticks.innerHTML);
        this.series = [...element.querySelectorAll(".series")].map(group => ({
          group, drawn: group.innerHTML, name: group.dataset.name, isStep: "step" in group.dataset,
          points: group.dataset.points ? group.dataset.points.split(" ").map(p => p.split(",").map(Number)) : [],
          look: [...(group.firstElementChild?.classList ?? [])].find(c => /^k\d/.test(c)) ?? "k0",
        }));
        const clip = this.add(element, "clipPath", {id: `plot-${number}`});
        this.add(clip, "rect", {x: left - 4, y: upper - 4, width: right - left + 8, height: lower - upper + 8});
        this.mark = this.add(element, "rect", {class: "part", visibility: "hidden"});
        this.spot = this.add(element, "circle", {class: "spot", r: 4, visibility: "hidden"});
        this.clip = `url(#plot-${number})`;
      }
      add(parent, name, attributes) {
        const made = parent.appendChild(document.createElementNS(SVG, name));
        for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
        return made;
      }
      // Where a pointer is, in the drawing's own pixels.
      place(event) {
        const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
        return [at.x, at.y];
      }
      contains([x, y]) { return x >= this.left - 4 && x <= this.right + 4 && y >= this.upper - 4 && y <= this.lower + 4; }
      inside([x, y]) {
        const within = (value, least, most) => Math.min(most, Math.max(least, value));
        return [within(x, this.left, this.right), within(y, this.upper, this.lower)];
      }
      nearest([x, y]) {
        let found = null;
        for (const series of this.series) for (const point of series.points) {
          if (!this.x.shows(point[0]) || !this.y.shows(point[1])) continue;
          const at = [this.x.position(point[0]), this.y.position(point[1])];
          if (!this.contains(at)) continue;
          const distance = Math.hypot(at[0] - x, at[1] - y);
          if (!found || distance < found.distance) found = {series, point, at, distance};
        }
        return found && found.distance < 40 ? found : null;
      }
      say({series, point}) {
        const [x, y, half] = point;
        const value = text(y, this.y.span(y)) + (half ? ` ± ${text(half, this.y.span(y))}` : "");
        return `${series.name}: ${text(x, this.x.span(x))}, ${value}`;
      }
      show(from, to) {
        const sides = [[from[0], to[0], this.x], [from[1], to[1], this.y]];
        const spans = sides.map(([a, b, axis]) => [axis.value(a), axis.value(b)].sort((p, q) => p - q));
        sides.forEach(([, , axis], index) => { [axis.lower, axis.upper] = spans[index]; });
        this.draw();
      }
      reset() { this.x.reset(); this.y.reset(); this.draw(); }
      draw() {
        const isWhole = this.x.isWhole && this.y.isWhole;
        [this.x, this.y].forEach((axis, index) => {
          if (isWhole) { this.ticks[index].innerHTML = this.drawnTicks[index]; return; }
          this.ticks[index].replaceChildren();
          for (const value of axis.ticks) this.drawTick(index, axis, value);
        });
        for (const series of this.series) {
          if (isWhole) { series.group.innerHTML = series.drawn; series.group.removeAttribute("clip-path"); }
          else this.drawCurve(series);
        }
        this.spot.setAttribute("visibility", "hidden");
      }
      drawTick(index, axis, value) {
        const at = axis.position(value), isX = index === 0, parent = this.ticks[index];
        this.add(parent, "line", isX
          ? {class: "axis", x1: at, x2: at, y1: this.lower, y2: this.lower + 4}
          : {class: "grid", x1: this.left, x2: this.right, y1: at, y2: at});
        this.add(parent, "text", isX
          ? {class: "t", x: at, y: this.lower + 16, "text-anchor": "middle"}
          : {class: "t", x: this.left - 5, y: at + 4, "text-anchor": "end"}).textContent = text(value, axis.span(value));
      }
      drawCurve(series) {
        series.group.setAttribute("clip-path", this.clip);
        series.group.replaceChildren();
        let path = "";
        for (const [x, y, half] of series.points) {
          if (!this.x.shows(x) || !this.y.shows(y)) { path += " "; continue; }
          const [px, py] = [this.x.position(x), this.y.position(y)];
          path += path === "" || path.endsWith(" ") ? `M${px} ${py}` : series.isStep ? `H${px}V${py}` : `L${px} ${py}`;
          if (series.points.length <= 40)
            this.add(series.group, "circle", {class: `mark ${series.look}`, cx: px, cy: py, r: 3});
          const ends = half ? [y - half, y + half].map(v => this.y.position(this.y.isLog ? Math.max(v, 1e-300) : v)) : null;
          if (ends) this.add(series.group, "path", {class: `whisker ${series.look}`, d: `M${px} ${ends[0]}V${ends[1]}`});
        }
        this.add(series.group, "path", {class: `curve ${series.look}`, d: path});
      }
    }

    const label = document.body.appendChild(document.createElement("div"));
    label.className = "value";
    label.hidden = true;
    const say = (words, event) => {
      label.hidden = !words;
      if (!words) return;
      label.textContent = words;
      const edge = scrollX + document.documentElement.clientWidth - label.offsetWidth - 8;
      label.style.left = `${Math.min(event.pageX + 12, edge)}px`;
      label.style.top = `${event.pageY + 14}px`;
    };

    for (const hint of document.querySelectorAll(".scripted")) hint.hidden = false;

    let number = 0;
    for (const svg of document.querySelectorAll("figure svg")) {
      // The reader's own label would come late, and beside this one.
      for (const title of svg.querySelectorAll("title")) {
        title.parentNode.dataset.title = title.textContent;
        title.remove();
      }
      const charts = [...svg.querySelectorAll(".chart")].map(element => new Chart(element, number++));
      let start = null, chart = null;
      svg.addEventListener("pointerdown", event => {
        chart = charts.find(c => c.contains(c.place(event)));
        if (!chart || event.button !== 0) return;
        start = chart.place(event);
        svg.setPointerCapture(event.pointerId);
        event.preventDefault();
      });
      svg.addEventListener("pointermove", event => {
        if (start) {
          const at = chart.place(event);
          const [x, y] = [Math.min(start[0], at[0]), Math.min(start[1], at[1])];
          const sizes = {x, y, width: Math.abs(at[0] - start[0]), height: Math.abs(at[1] - start[1]), visibility: "visible"};
          for (const [key, value] of Object.entries(sizes)) chart.mark.setAttribute(key, value);
          return;
        }
        const under = charts.find(c => c.contains(c.place(event)));
        const found = under && under.nearest(under.place(event));
        for (const c of charts) c.spot.setAttribute("visibility", c === under && found ? "visible" : "hidden");
        if (found) { under.spot.setAttribute("cx", found.at[0]); under.spot.setAttribute("cy", found.at[1]); }
        // Bars and what is drawn otherwise say their titles.
        const title = found ? "" : event.target.dataset.title;
        say(found ? under.say(found) : title, event);
      });
      svg.addEventListener("pointerup", event => {
        if (!start) return;
        const [from, to] = [chart.inside(start), chart.inside(chart.place(event))];
        chart.mark.setAttribute("visibility", "hidden");
        start = null;
        if (Math.abs(from[0] - to[0]) > 6 && Math.abs(from[1] - to[1]) > 6) chart.show(from, to);
      });
      svg.addEventListener("dblclick", event => charts.find(c => c.contains(c.place(event)))?.reset());
      svg.addEventListener("pointerleave", () => say(""));
    }
    })();
    """#
}
