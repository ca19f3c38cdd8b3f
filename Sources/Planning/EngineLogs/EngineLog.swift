import CostModel
import Messages

/// What the start-up log of an engine, or its metrics, state of the memory of a GPU and of the KV pool.
///
/// Which lines those are says ``EngineLogLine``. Each rank writes its own; the smallest pool counts, as in the engine, and of
/// what is beside it the most.
package struct EngineLog {
  /// What the lines of one kind say.
  struct Stated: Equatable, Sendable {
    var least: Double
    var most: Double
    /// Half of what their last digit counts.
    var rounding: Double
    /// Where the least and the most stand, 1-based.
    var leastLine: Int
    var mostLine: Int

    mutating func add(_ number: Double, line: Int) {
      if number < least { (least, leastLine) = (number, line) }
      if number > most { (most, mostLine) = (number, line) }
    }
  }

  let name: String
  /// The engine whose lines they are.
  package let engine: String
  /// By rows of the table.
  private let stated: [Stated?]

  /// - Parameter name: The file, for messages.
  /// - Throws: ``UserError`` for a log of another engine, one without a line that is known, and one of several starts.
  /// - Complexity: O(bytes · rows of the table).
  package init(_ text: String, name: String) throws(UserError) {
    self.name = name
    let table = EngineLogLine.all
    var stated: [Stated?] = Array(repeating: nil, count: table.count)
    var other: (engine: String, line: Int)?
    // A line end of two characters is one newline.
    let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    for (index, line) in lines.enumerated() {
      for (row, known) in table.enumerated() {
        guard let number = known.number(in: line.utf8) else { continue }
        let first = Stated(
          least: number.value, most: number.value, rounding: number.rounding,
          leastLine: index + 1, mostLine: index + 1)
        if stated[row] == nil { stated[row] = first }
        stated[row]?.add(number.value, line: index + 1)
      }
      if other == nil,
        let mark = EngineLogLine.others.first(where: { line.utf8.contains($0.mark.utf8) })
      {
        other = (mark.engine, index + 1)
      }
    }
    self.stated = stated
    let first = stated.firstIndex { $0 != nil }
    engine = table[first ?? 0].engine.rawValue
    if first == nil { throw Self.nothingRead(name, other) }
    try requireOneStart()
  }

  private static func nothingRead(_ name: String, _ other: (engine: String, line: Int)?)
    -> UserError
  {
    guard let other else { return noPool(name) }
    return UserError(
      "\(name):\(other.line): a log of \(other.engine), whose memory is not known here",
      hint:
        "logs of vLLM and SGLang are read; `kvplan simulate` takes the tokens of any pool, divided by "
        + "`--block-size`, as `--num-gpu-blocks-override`")
  }

  static func noPool(_ name: String) -> UserError {
    UserError(
      "\(name): no line says how large the KV cache is",
      hint: "vLLM writes `GPU KV cache size: 43,904 tokens` or `# GPU blocks: 2744` when it "
        + "starts; else give `--num-gpu-blocks-override`")
  }

  /// Every rank of one start serves sequences of one length.
  private func requireOneStart() throws(UserError) {
    guard let length = self[.modelLength], length.most > length.least else { return }
    throw UserError(
      "\(name):\(length.leastLine): the longest sequence has \(Int(length.least)) tokens, but "
        + "\(Int(length.most)) in line \(length.mostLine)",
      hint: "cut the log to one start of the engine")
  }

  /// What is said of a quantity, by the first row of the table that has it.
  subscript(_ quantity: EngineLogLine.Quantity) -> Stated? {
    zip(EngineLogLine.all, stated).first { $0.quantity == quantity && $1 != nil }?.1
  }

  /// The longest sequence that the engine served, in tokens; `nil` where the log does not say.
  package var modelLength: Int? { self[.modelLength].map { Int($0.least) } }

  /// Whether it says how large the pool is.
  package var statesPool: Bool {
    self[.blocks] != nil || self[.tokens] != nil || self[.cache] != nil
  }
}

extension Substring.UTF8View {
  fileprivate func contains(_ text: String.UTF8View) -> Bool { firstRange(of: text) != nil }
}
