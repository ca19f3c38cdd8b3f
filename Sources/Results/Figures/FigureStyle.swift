/// How curves and areas look: told apart by colour, and by dash, marker and hatching where there is none.
package enum FigureStyle {
  static let styleCount = 8

  static func curve(_ index: Int) -> String { "curve k\(index % styleCount)" }

  static func area(_ index: Int) -> String { "area a\(index % styleCount)" }

  /// A point of a curve; it says `hint` when it is pointed at.
  static func marker(_ index: Int, at place: (x: Double, y: Double), hint: String) -> String {
    let (x, y) = place
    func path(_ points: [(Double, Double)]) -> String {
      let corners = points.map { "\(SVGText.pixel(x + $0.0)) \(SVGText.pixel(y + $0.1))" }
      return "M\(corners.joined(separator: "L"))Z"
    }
    let shape =
      switch index % 4 {
      case 0: circle(x, y)
      case 1: path([(-3, -3), (3, -3), (3, 3), (-3, 3)])
      case 2: path([(0, -4), (3.6, 2.6), (-3.6, 2.6)])
      default: path([(0, -4), (4, 0), (0, 4), (-4, 0)])
      }
    let title = hint.isEmpty ? "" : "<title>\(SVGText.escaped(hint))</title>"
    let open = index % styleCount >= 4 ? " open" : ""
    return "<path class=\"mark k\(index % styleCount)\(open)\" d=\"\(shape)\">\(title)</path>"
  }

  private static func circle(_ x: Double, _ y: Double) -> String {
    "M\(SVGText.pixel(x - 3)) \(SVGText.pixel(y))a3 3 0 1 0 6 0a3 3 0 1 0 -6 0"
  }

  /// The colours are those of Okabe and Ito, which people with any colour vision tell apart.
  package static let css = """
    svg{--ink:#1a1a1a;--faint:#d5d5d5;--paper:#ffffff}
    @media(prefers-color-scheme:dark){svg{--ink:#e8e8e8;--faint:#444444;--paper:#16181c}}
    @media print{svg{--ink:#000000;--faint:#cccccc;--paper:#ffffff}}
    svg text{font:11px "DejaVu Sans",Verdana,sans-serif;fill:var(--ink)}
    svg .title{font-size:13px;font-weight:bold}svg .head{font-weight:bold}svg .small{font-size:10px}
    svg .paper{fill:var(--paper)}svg .grid{stroke:var(--faint)}svg .axis{stroke:var(--ink)}
    svg .level{stroke:var(--ink);stroke-dasharray:2 3}
    svg .curve{fill:none;stroke-width:1.6}svg .mark{stroke-width:1.4}svg .open{fill:var(--paper)}
    svg .area{stroke:var(--ink);stroke-width:.5}svg .dense{stroke:none}
    svg .k0{stroke:#0072b2;fill:#0072b2}svg .k1{stroke:#d55e00;fill:#d55e00;stroke-dasharray:7 3}
    svg .k2{stroke:#009e73;fill:#009e73;stroke-dasharray:2 2}
    svg .k3{stroke:#cc79a7;fill:#cc79a7;stroke-dasharray:8 2 2 2}
    svg .k4{stroke:#8a6d00;fill:#8a6d00}svg .k5{stroke:#56b4e9;fill:#56b4e9;stroke-dasharray:7 3}
    svg .k6{stroke:#7f7f7f;fill:#7f7f7f;stroke-dasharray:2 2}
    svg .k7{stroke:#9467bd;fill:#9467bd;stroke-dasharray:8 2 2 2}
    svg .curve{fill:none}svg .mark{stroke-dasharray:none}svg .mark.open{fill:var(--paper)}
    svg .whisker{fill:none;stroke-width:1;stroke-dasharray:none}
    svg .a0{fill:#0072b2}svg .a1{fill:#9ccfea}svg .a2{fill:url(#hatch)}svg .a3{fill:#b5b5b5}
    svg .a4{fill:url(#dots)}svg .a5{fill:var(--paper)}svg .a6{fill:#7f7f7f}svg .a7{fill:url(#cross)}
    """

  /// The same for a file of its own: black on white, and without the variables that converters to PDF do
  /// not know.
  static let paperCSS =
    css.split(separator: "\n").filter { !$0.contains("--ink:") }.joined(separator: "\n")
    .replacing("var(--ink)", with: "#1a1a1a").replacing("var(--faint)", with: "#d5d5d5")
    .replacing("var(--paper)", with: "#ffffff")

  /// Fills that need no colour.
  static let patterns = """
    <defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" \
    patternTransform="rotate(45)"><rect width="6" height="6" fill="#f4d9c6"/>\
    <rect width="2.4" height="6" fill="#d55e00"/></pattern>\
    <pattern id="dots" width="5" height="5" patternUnits="userSpaceOnUse">\
    <rect width="5" height="5" fill="#ffffff"/><circle cx="2.5" cy="2.5" r="1.2" fill="#555555"/>\
    </pattern><pattern id="cross" width="6" height="6" patternUnits="userSpaceOnUse">\
    <rect width="6" height="6" fill="#ffffff"/><path d="M0 0L6 6M6 0L0 6" stroke="#555555"/>\
    </pattern></defs>
    """
}
