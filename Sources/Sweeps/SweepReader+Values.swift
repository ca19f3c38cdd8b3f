import CostModel
import Foundation
import Messages
import Results
import TraceFiles
import Workload
import Yams

extension SweepReader {
  /// A name in the file and where it stands.
  struct Key {
    var text: String
    var node: Node
  }

  // MARK: Messages

  /// `FILE:LINE:COLUMN: message`
  func error(_ node: Node, _ message: String, hint: String? = nil) -> UserError {
    let place = node.mark.map { "\(path):\($0.line):\($0.column)" } ?? path
    return UserError("\(place): \(message)", hint: hint)
  }

  /// Runs `body`, and puts the place of `node` before the message of its mistake.
  func located<Value>(_ node: Node, _ body: () throws -> Value) throws -> Value {
    do { return try body() } catch let failure as UserError {
      throw error(node, failure.message, hint: failure.hint)
    }
  }

  func nearest(_ name: String, _ names: [String]) -> String {
    nearestName(to: name, among: names).map { "did you mean `\($0)`?" }
      ?? "known are \(names.joined(separator: ", "))"
  }

  /// What the YAML parser said, in our form.
  func unreadable(_ failure: any Error) -> UserError {
    func placed(_ mark: Mark, _ problem: String) -> UserError {
      UserError("\(path):\(mark.line):\(mark.column): \(problem)")
    }
    return switch failure {
    case YamlError.scanner(_, let problem, let mark, _): placed(mark, problem)
    case YamlError.parser(_, let problem, let mark, _): placed(mark, problem)
    case YamlError.composer(_, let problem, let mark, _): placed(mark, problem)
    case YamlError.duplicatedKeysInMapping(let duplicates, let context):
      placed(context.mark, "`\(duplicates.joined(separator: "`, `"))` stands there twice")
    default: UserError("\(path): \(failure)")
    }
  }

  // MARK: Shapes

  func mapping(_ node: Node, _ what: String) throws -> [(key: Key, value: Node)] {
    guard case .mapping(let mapping) = node else {
      throw error(node, "\(what) must be a mapping of names to values")
    }
    return try mapping.map { (Key(text: try word($0.key, "a name"), node: $0.key), $0.value) }
  }

  /// A single value as it was written.
  func word(_ node: Node, _ what: String) throws -> String {
    guard case .scalar(let scalar) = node, !scalar.string.isEmpty else {
      throw error(node, "expected \(what)")
    }
    return scalar.string
  }

  /// A list, or the numbers of a range; a single value is a list of one.
  func values(_ node: Node) throws -> [(String, Node)] {
    switch node {
    case .sequence(let sequence):
      guard !sequence.isEmpty else {
        throw error(node, "the list is empty: there is nothing to run")
      }
      return try sequence.map { (try word($0, "a value"), $0) }
    case .mapping: return try range(node).map { ($0, node) }
    default: return [(try word(node, "a value"), node)]
    }
  }

  /// `{from: 8, to: 64, step: 8}`, `{from: 0.5, to: 8, count: 5, scale: log}`.
  private func range(_ node: Node) throws -> [String] {
    let names = ["from", "to", "step", "count", "scale"]
    var numbers: [String: Double] = [:]
    var scale = "linear"
    for (key, value) in try mapping(node, "a range") {
      guard names.contains(key.text) else {
        throw error(
          key.node, "unknown part of a range `\(key.text)`", hint: nearest(key.text, names))
      }
      let text = try word(value, "a value")
      if key.text == "scale" {
        guard ["linear", "log"].contains(text) else {
          throw error(value, "`scale` must be `linear` or `log`, found `\(text)`")
        }
        scale = text
      } else if let number = Double(text), number.isFinite {
        numbers[key.text] = number
      } else {
        throw error(value, "`\(key.text)` must be a number, found `\(text)`")
      }
    }
    guard let from = numbers["from"], let to = numbers["to"], to >= from,
      (numbers["step"] == nil) != (numbers["count"] == nil)
    else {
      throw error(
        node, "a range has `from`, `to` not below it, and either `step` or `count`",
        hint: "write `{from: 8, to: 64, step: 8}` or `{from: 0.5, to: 8, count: 5, scale: log}`")
    }
    return try numbersOfRange(
      node, from: from, to: to, step: numbers["step"], count: numbers["count"], scale: scale)
  }

  private func numbersOfRange(
    _ node: Node, from: Double, to: Double, step: Double?, count: Double?, scale: String
  ) throws -> [String] {
    let limit = 1e6
    // Twelve digits: as many as a person can mean, and the same on every machine.
    func text(_ value: Double) -> String { String(format: "%.12g", value) }
    if let step {
      guard step > 0, scale == "linear", (to - from) / step < limit else {
        throw error(
          node, "`step` must be above 0 and give at most 1000000 values on a linear scale")
      }
      let steps = Int((to - from) / step + 1e-9)
      return (0...steps).map { text(from + Double($0) * step) }
    }
    guard let count, count == count.rounded(), count >= 2, count <= limit else {
      throw error(node, "`count` must be a whole number from 2 to 1000000")
    }
    guard scale == "linear" || from > 0 else {
      throw error(node, "`from` must be above 0 on a logarithmic scale")
    }
    return (0..<Int(count)).map { index in
      let share = Double(index) / (count - 1)
      return text(scale == "log" ? from * pow(to / from, share) : from + share * (to - from))
    }
  }

  // MARK: Fields

  func conditions(_ node: Node, _ file: SweepFile) throws -> [SkipCondition] {
    guard case .sequence(let items) = node else {
      throw error(node, "`skip-where` must be a list of conditions, such as `- {block-size: 8}`")
    }
    let set = Set(file.allValues.map(\.name))
    return try items.map { item in
      SkipCondition(
        clauses: try mapping(item, "a condition").map { key, value in
          guard set.contains(key.text) else {
            throw error(
              key.node, "`\(key.text)` is neither set for all runs nor on an axis",
              hint: nearest(key.text, file.base.map(\.name) + file.axisNames))
          }
          let tests = try values(value).map { text, at in
            let test = ValueTest(text)
            guard test.operand.first.map({ !"<>=!".contains($0) }) ?? true else {
              throw error(
                at, "`\(text)` begins with no comparison that is known",
                hint:
                  "comparisons are \(ValueTest.Comparison.allCases.map(\.rawValue).joined(separator: ", "))"
              )
            }
            guard !test.operand.isEmpty, !test.isOrdering || Double(test.operand) != nil else {
              throw error(
                at, "`\(test.comparison.rawValue)` compares with a number, found `\(text)`")
            }
            return test
          }
          return SkipCondition.Clause(name: key.text, tests: tests)
        })
    }
  }

  func metrics(_ node: Node) throws -> [String] {
    try values(node).map { text, at in
      try column(text, at)
      return text
    }
  }

  /// Makes sure that a column of that name is measured.
  private func column(_ name: String, _ node: Node) throws {
    let names = ShardColumns.measured.map(\.key)
    guard names.contains(name) else {
      throw error(node, "unknown metric `\(name)`", hint: nearest(name, names))
    }
  }

  func objectives(_ node: Node) throws -> [SweepObjective] {
    try mapping(node, "`slo`").map { key, value in
      SweepObjective(
        name: key.text,
        limits: try mapping(value, "an SLO").map { metric, limit in
          try column(metric.text, metric.node)
          let text = try word(limit, "a number")
          guard let most = Double(text), most.isFinite else {
            throw error(limit, "`\(metric.text)` must be a number, found `\(text)`")
          }
          return .init(column: metric.text, most: most)
        })
    }
  }

  /// How traces are read, under the names of the flags.
  func reading(_ node: Node) throws -> TraceReadOptions {
    let names = [
      "trace-format", "skip-bad-rows", "token-columns", "timestamp-unit", "spread-timestamps",
      "first-turns", "characters-per-token", "tokenizer", "columns", "hash-block-size",
    ]
    var options = TraceReadOptions()
    for (key, value) in try mapping(node, "`reading`") {
      let text = try word(value, "a value")
      func parsed<Value>(_ value: Value?, _ allowed: String) throws -> Value {
        guard let value else {
          throw error(key.node, "`\(key.text)` must be \(allowed), found `\(text)`")
        }
        return value
      }
      func positive() throws -> Double {
        try parsed(Double(text).flatMap { $0 > 0 && $0.isFinite ? $0 : nil }, "a positive number")
      }
      switch key.text {
      case "trace-format":
        let formats = TraceFormat.allCases.map(\.rawValue).joined(separator: ", ")
        options.format = try parsed(TraceFormat(rawValue: text), "one of \(formats)")
      case "skip-bad-rows": options.skipsBadRows = try parsed(Bool(text), "true or false")
      case "token-columns": options.columnSuffix = text
      case "timestamp-unit":
        options.timestampUnit = try parsed(TimestampUnit(rawValue: text), "s, ms, us or ns")
      case "columns": options.columns = try located(value) { try ColumnMapping(text) }
      case "hash-block-size":
        options.hashBlockTokens = try parsed(
          Int(text).flatMap { (1...1 << 20).contains($0) ? $0 : nil }, "from 1 to 1048576")
      case "spread-timestamps": options.spreadSeconds = try positive()
      case "first-turns": options.firstTurnsOnly = try parsed(Bool(text), "true or false")
      case "characters-per-token":
        options.textMeasure = .estimate(charactersPerToken: try positive())
      case "tokenizer":
        let path = SweepFile.resolved(text, from: folder)
        options.textMeasure = .tokenizer(try located(value) { try BytePairTokenizer(path: path) })
      default:
        throw error(
          key.node, "unknown way of reading `\(key.text)`", hint: nearest(key.text, names))
      }
    }
    return options
  }
}
