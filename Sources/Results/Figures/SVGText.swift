import Foundation

/// The text of an SVG element by element; coordinates have at most one place, so that the bytes do not
/// depend on the last bits of a `Double`.
struct SVGText {
  private(set) var lines: [String] = []
  /// Whether a script is told what is drawn, in groups with data.
  private let isScripted: Bool

  init(isScripted: Bool = false) { self.isScripted = isScripted }

  /// At most four significant places, without trailing zeros: `0.25`, `12.5`, `1000`.
  static func number(_ value: Double) -> String {
    let decimals = value.magnitude >= 100 ? 0 : value.magnitude >= 10 ? 1 : 3
    return trimmed(Digits.fixed(value, decimals: decimals))
  }

  /// A value for a script: six significant places.
  static func exact(_ value: Double) -> String {
    guard value != 0 else { return "0" }
    let decimals = 5 - Int(log10(value.magnitude).rounded(.down))
    return trimmed(Digits.fixed(value, decimals: min(12, max(0, decimals))))
  }

  /// A coordinate in pixels.
  static func pixel(_ value: Double) -> String { trimmed(Digits.fixed(value, decimals: 1)) }

  private static func trimmed(_ text: String) -> String {
    guard text.contains(".") else { return text }
    var text = Substring(text)
    while text.last == "0" { text.removeLast() }
    if text.last == "." { text.removeLast() }
    return String(text)
  }

  /// Text that may stand between tags and in attributes.
  static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;")
  }

  mutating func add(_ line: String) { lines.append(line) }

  /// What `draw` adds, in a group of its own where a script is to find it.
  mutating func group(
    _ name: String, data: [(name: String, value: String)] = [], draw: (inout SVGText) -> Void
  ) {
    guard isScripted else { return draw(&self) }
    let attributes = data.map { " data-\($0.name)=\"\(Self.escaped($0.value))\"" }
    add("<g class=\"\(name)\"\(attributes.joined())>")
    draw(&self)
    add("</g>")
  }

  mutating func line(
    _ from: (x: Double, y: Double), _ to: (x: Double, y: Double), class style: String
  ) {
    let ends = [from.x, from.y, to.x, to.y].map(Self.pixel)
    add(
      "<line class=\"\(style)\" x1=\"\(ends[0])\" y1=\"\(ends[1])\" x2=\"\(ends[2])\" "
        + "y2=\"\(ends[3])\"/>")
  }

  /// A line of text.
  ///
  /// - Parameters:
  ///   - anchor: `start`, `middle` or `end`.
  ///   - rotated: Runs upwards, for the title of a vertical axis.
  ///   - turned: By so many degrees around `place`, clockwise.
  mutating func text(
    _ text: String, at place: (x: Double, y: Double), anchor: String = "start",
    class style: String = "t", rotated: Bool = false, turned: Double? = nil
  ) {
    let (x, y) = (Self.pixel(place.x), Self.pixel(place.y))
    let degrees = rotated ? -90 : turned
    let turn = degrees.map { " transform=\"rotate(\(Self.pixel($0)) \(x) \(y))\"" } ?? ""
    add(
      "<text class=\"\(style)\" x=\"\(x)\" y=\"\(y)\" text-anchor=\"\(anchor)\"\(turn)>"
        + "\(Self.escaped(text))</text>")
  }

  /// A filled rectangle that says `hint` when it is pointed at.
  mutating func rectangle(
    x: Double, y: Double, width: Double, height: Double, class style: String, hint: String = ""
  ) {
    let numbers = [x, y, width, height].map(Self.pixel)
    let title = hint.isEmpty ? "" : "<title>\(Self.escaped(hint))</title>"
    add(
      "<rect class=\"\(style)\" x=\"\(numbers[0])\" y=\"\(numbers[1])\" width=\"\(numbers[2])\" "
        + "height=\"\(numbers[3])\">\(title)</rect>")
  }
}
