import Testing

@testable import Results

/// Drawings as text: small figures, every element.
@Suite struct FigureTests {
  /// The lines between the paper and the end.
  private func body(_ figure: Figure) -> String {
    let lines = figure.svg().split(separator: "\n").map(String.init)
    let start = lines.firstIndex { $0.contains("class=\"paper\"") } ?? 0
    return lines[(start + 1)...].dropLast().joined(separator: "\n")
  }

  @Test func aCurveIsDrawn() {
    var chart = LineChart(
      title: "c", xTitle: "x", yTitle: "y", series: [.init("a", [.init(0, 1), .init(2, 3)])])
    chart.yMax = 2
    #expect(
      body(Figure(title: "", charts: [.lines(chart)], columns: 1)) == """
        <line class="axis" x1="58" y1="202" x2="306" y2="202"/>
        <text class="t" x="53" y="206" text-anchor="end">0.0</text>
        <line class="grid" x1="58" y1="160" x2="306" y2="160"/>
        <text class="t" x="53" y="164" text-anchor="end">0.5</text>
        <line class="grid" x1="58" y1="118" x2="306" y2="118"/>
        <text class="t" x="53" y="122" text-anchor="end">1.0</text>
        <line class="grid" x1="58" y1="76" x2="306" y2="76"/>
        <text class="t" x="53" y="80" text-anchor="end">1.5</text>
        <line class="grid" x1="58" y1="34" x2="306" y2="34"/>
        <text class="t" x="53" y="38" text-anchor="end">2.0</text>
        <line class="axis" x1="58" y1="34" x2="58" y2="202"/>
        <line class="axis" x1="58" y1="202" x2="306" y2="202"/>
        <line class="axis" x1="58" y1="202" x2="58" y2="206"/>
        <text class="t" x="58" y="218" text-anchor="middle">0.0</text>
        <line class="axis" x1="120" y1="202" x2="120" y2="206"/>
        <text class="t" x="120" y="218" text-anchor="middle">0.5</text>
        <line class="axis" x1="182" y1="202" x2="182" y2="206"/>
        <text class="t" x="182" y="218" text-anchor="middle">1.0</text>
        <line class="axis" x1="244" y1="202" x2="244" y2="206"/>
        <text class="t" x="244" y="218" text-anchor="middle">1.5</text>
        <line class="axis" x1="306" y1="202" x2="306" y2="206"/>
        <text class="t" x="306" y="218" text-anchor="middle">2.0</text>
        <text class="t head" x="182" y="25" text-anchor="middle">c</text>
        <text class="t" x="182" y="236" text-anchor="middle">x</text>
        <text class="t" x="14" y="118" text-anchor="middle" transform="rotate(-90 14 118)">y</text>
        <path class="curve k0" d="M58 118L182 34"/>
        <path class="mark k0" d="M55 118a3 3 0 1 0 6 0a3 3 0 1 0 -6 0"><title>a: 0, 1</title></path>
        """)
  }

  /// A page's script is told the axes and the values, in groups that a file of its own has none of.
  @Test func aScriptIsToldWhatIsDrawn() {
    var chart = LineChart(
      title: "c", xTitle: "x", yTitle: "y",
      series: [.init("a & b", [.init(1, 1234.5678), .init(10, 2000, half: 0.25)])])
    chart.xScale = .logarithmic
    let figure = Figure(title: "", charts: [.lines(chart)], columns: 1)
    let page = figure.svg(isStandalone: false)
    #expect(
      page.contains(
        "<g class=\"chart\" data-frame=\"58 34 306 202\" data-x=\"log 1 10\" data-y=\"linear 0 2500\">"
      ))
    #expect(
      page.contains(
        "<g class=\"series\" data-name=\"a &amp; b\" data-points=\"1,1234.57 10,2000,0.25\">"))
    #expect(!figure.svg().contains("<g"))
  }

  /// A whisker has a cap where the axis shows its end.
  @Test func intervalsAreWhiskers() {
    let series = LineChart.Series("a", [.init(1, 1, half: 2), .init(2, 3, half: 1)])
    let chart = LineChart(title: "", xTitle: "", yTitle: "", series: [series])
    let whiskers = body(Figure(title: "", charts: [.lines(chart)], columns: 1))
      .split(separator: "\n").filter { $0.contains("whisker") }
    #expect(
      whiskers == [
        "<path class=\"whisker k0\" d=\"M182 202V76M179 76h6\"/>",
        "<path class=\"whisker k0\" d=\"M306 118V34M303 118h6M303 34h6\"/>",
      ])
  }

  @Test func stepsHoldUntilTheNext() {
    var series = LineChart.Series("a", [.init(0, 0), .init(0, 50), .init(2, 100)])
    series.isStep = true
    var chart = LineChart(title: "", xTitle: "", yTitle: "", series: [series])
    chart.yMax = 100
    #expect(
      body(Figure(title: "", charts: [.lines(chart)], columns: 1))
        .contains("<path class=\"curve k0\" d=\"M58 202V118H306V34\"/>"))
  }

  @Test func barsAreStackedWithoutGaps() {
    let chart = BarChart(
      title: "b", yTitle: "%", parts: ["p", "q & r"],
      bars: [.init("one", [1, 3]), .init("two", [4, 0])])
    let rectangles = body(Figure(title: "", charts: [.bars(chart)], columns: 1))
      .split(separator: "\n").filter { $0.hasPrefix("<rect class=\"area") }
    #expect(
      rectangles.joined(separator: "\n") == """
        <rect class="area a0" x="18" y="10" width="14" height="11"></rect>
        <rect class="area a1" x="68.6" y="10" width="14" height="11"></rect>
        <rect class="area a0" x="76.6" y="182" width="86.8" height="42">\
        <title>one, p: 1</title></rect>
        <rect class="area a1" x="76.6" y="56" width="86.8" height="126">\
        <title>one, q &amp; r: 3</title></rect>
        <rect class="area a0" x="200.6" y="56" width="86.8" height="168">\
        <title>two, p: 4</title></rect>
        """)
  }

  /// 25 bars touch where only some have a name, as over time; where each has, names are turned and bars stand apart.
  @Test(arguments: [true, false]) func manyBarsStandApartIfTheyHaveNames(named: Bool) {
    let bars = (0..<25).map { BarChart.Bar(named || $0 == 0 ? "manager-\($0)" : "", [1]) }
    let chart = BarChart(title: "b", yTitle: "%", parts: ["p"], bars: bars)
    let drawn = body(Figure(title: "", charts: [.bars(chart)], columns: 1))
    #expect(drawn.contains("rotate(-35") == named)
    #expect(drawn.contains(" dense") == !named)
  }

  @Test func aNameLooksTheSameInEveryChart() {
    let first = LineChart(
      title: "", xTitle: "", yTitle: "", series: [.init("a", []), .init("b", [])])
    let second = LineChart(
      title: "", xTitle: "", yTitle: "", series: [.init("b", []), .init("c", [])])
    #expect(Figure(title: "", charts: [.lines(first), .lines(second)]).keys == ["a", "b", "c"])
  }

  @Test func aFileOfItsOwnNeedsNoVariables() {
    let svg = Figure(title: "t", charts: []).svg()
    #expect(!svg.contains("var(") && !svg.contains("@media"))
    #expect(svg.contains("class=\"paper\""))
  }

  @Test(arguments: [
    (0.9, 0.2), (1.0, 0.2), (7, 2), (30, 10), (99, 20), (1234, 500),
  ])
  func stepsAreRound(most: Double, step: Double) {
    let axis = Axis([most], pixels: (0, 1))
    #expect(abs(axis.ticks[1] - step) < 1e-9)
    #expect(axis.upper >= most)
  }

  @Test func doublingsGetTicksOfTheirOwn() {
    let axis = Axis([1, 16, 256], scale: .logarithmic, pixels: (0, 8))
    #expect(axis.ticks == [1, 2, 4, 8, 16, 32, 64, 128, 256])
    #expect(axis.position(16) == 4)
    let decades = Axis([3, 500], scale: .logarithmic, pixels: (0, 1))
    #expect(decades.ticks == [1, 10, 100, 1000])
  }

  /// Within a decade twos and fives are ticks too; between decades there are short ones without labels.
  @Test func decadesHaveInnerTicks() {
    let one = Axis([12, 80], scale: .logarithmic, pixels: (0, 1))
    #expect(one.ticks == [10, 20, 50, 100])
    #expect(one.minorTicks == [30, 40, 60, 70, 80, 90])
    let two = Axis([12, 800], scale: .logarithmic, pixels: (0, 1))
    #expect(two.ticks == [10, 100, 1000] && two.minorTicks.count == 16)
    #expect(!two.shows(0) && two.shows(0.1))
  }

  @Test func largeLabelsAreShort() {
    let linear = Axis([49_000], pixels: (0, 1))
    #expect(linear.ticks.map(linear.label) == ["0", "10k", "20k", "30k", "40k", "50k"])
    let small = Axis([7_000], pixels: (0, 1))
    #expect(small.ticks.map(small.label) == ["0", "2000", "4000", "6000", "8000"])
    let log = Axis([0.0002, 30_000], scale: .logarithmic, pixels: (0, 1))
    #expect(
      log.ticks.map(log.label) == [
        "0.0001", "0.001", "0.01", "0.1", "1", "10", "100", "1000", "10k", "100k",
      ])
  }

  @Test func textIsWrappedAtBlanks() {
    #expect(Figure.wrapped("one two three", width: 7) == ["one two", "three"])
    #expect(Figure.wrapped("", width: 7) == [])
  }
}
