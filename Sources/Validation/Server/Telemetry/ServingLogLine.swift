import Messages

/// A line in which an engine says, again and again, how it is getting on.
struct ServingLogLine: Equatable {
  var engine: ServerEngine
  /// What tells ranks apart that have requests of their own.
  var rank = ""
  /// When it was written, seconds of a day, and the day as month × 100 + day where the line has one.
  var clock: Double
  var day: Int?
  /// Output tokens a second since the line before; of an iteration its tokens over its time.
  var rate: Double
  /// Of an iteration; `nil` where a line stands for a time.
  var stepSeconds: Double?
  var running: Double
  var waiting: Double?
  /// Share of the KV cache that requests hold.
  var kvUse: Double?

  /// Reads a line; `nil` for one that is none of these.
  ///
  ///     INFO 05-19 10:13:11 [loggers.py:271] Engine 000: Avg prompt throughput: 0.0 tokens/s, Avg generation throughput:
  ///       1055.3 tokens/s, Running: 18 reqs, Waiting: 43 reqs, GPU KV cache usage: 95.9%, …
  ///     [2025-02-27 04:46:39 TP0] Decode batch. #running-req: 8, #token: 62531, token usage: 0.12, gen throughput
  ///       (token/s): 186.64, #queue-req: 0
  ///     iter = 198, global_rank = 0, rank = 0, currank_total_requests = 0/0, elapsed_time = 0.005s, timestamp = …,
  ///       num_scheduled_requests: 10, states = {'num_ctx_requests': 0, …}
  ///
  /// - Throws: ``UserError`` without a place for a line of which a number is missing.
  /// - Source: vLLM's `loggers.py` (lines in vllm#43295, #19680, #12314, #2595), SGLang's scheduler (sglang#3909, #22331,
  ///   #1270), TensorRT-LLM's `py_executor.py` (pull requests 3914 and 14206).
  static func read(_ line: Substring) throws(UserError) -> ServingLogLine? {
    let text = LogText(line)
    if text.has("Avg generation throughput: ") { return try vllm(text) }
    if text.has("Decode batch") { return try sglang(text) }
    if text.has("iter = "), text.has("num_scheduled_requests") { return try trtllm(text) }
    return nil
  }

  private static func vllm(_ text: LogText) throws(UserError) -> ServingLogLine {
    let clock = try text.clock()
    return ServingLogLine(
      engine: .vllm, rank: text.word(after: "Engine ") ?? "", clock: clock.seconds, day: clock.day,
      rate: try text.number(after: "Avg generation throughput: "),
      running: try text.number(after: "Running: "),
      // Before V1 they were pending.
      waiting: try text.number(after: text.has("Waiting: ") ? "Waiting: " : "Pending: "),
      kvUse: try text.number(after: "GPU KV cache usage: ") / 100)
  }

  private static func sglang(_ text: LogText) throws(UserError) -> ServingLogLine? {
    let clock = try text.clock()
    // `2025-02-27 04:46:39 DP1 TP0`: ranks of one model repeat each other.
    let words = text.bracketed.split(separator: " ")
    func rank(_ kind: String) -> Substring? {
      words.first { $0.hasPrefix(kind) && Int($0.dropFirst(2)) != nil }
    }
    for kind in ["TP", "PP"] {
      if let own = rank(kind), own.dropFirst(2) != "0" { return nil }
    }
    return ServingLogLine(
      engine: .sglang, rank: rank("DP").map(String.init) ?? "", clock: clock.seconds,
      day: clock.day, rate: try text.number(after: "gen throughput (token/s): "),
      running: try text.number(after: "#running-req: "),
      waiting: try text.number(after: "#queue-req: "),
      kvUse: try text.number(after: "token usage: "))
  }

  private static func trtllm(_ text: LogText) throws(UserError) -> ServingLogLine? {
    func either(_ name: String) throws(UserError) -> Double {
      try text.number(after: text.has("\(name) = ") ? "\(name) = " : "\(name): ")
    }
    let clock = try text.clock()
    let seconds: Double =
      if text.has("host_step_time = ") {
        try text.number(after: "host_step_time = ") / 1e3
      } else {
        try text.number(after: "elapsed_time = ")
      }
    let running = try either("num_scheduled_requests")
    let prompts = try text.number(after: "'num_ctx_requests': ")
    guard seconds > 0, running >= prompts else {
      throw UserError("\(running) requests, \(prompts) of them with prompts, in \(seconds) s")
    }
    return ServingLogLine(
      engine: .trtllm, rank: text.word(after: " rank = ") ?? "", clock: clock.seconds,
      day: clock.day, rate: (running - prompts) / seconds, stepSeconds: seconds, running: running,
      kvUse: text.has("kv_cache_util = ")
        ? try? text.number(after: "kv_cache_util = ") : nil)
  }
}

/// A line of a log, asked for what stands behind a text.
private struct LogText {
  private let line: Substring.UTF8View

  init(_ line: Substring) { self.line = line.utf8 }

  func has(_ text: String) -> Bool { line.firstRange(of: text.utf8) != nil }

  private func rest(after text: String) -> Substring.UTF8View? {
    line.firstRange(of: text.utf8).map { line[$0.upperBound...] }
  }

  /// The letters and digits behind a text.
  func word(after text: String) -> String? {
    rest(after: text).map {
      String(
        Substring(
          $0.prefix { byte in Self.isDigit(byte) || (byte | 32) >= 97 && (byte | 32) <= 122 }))
    }
  }

  /// The number behind a text, 0 or more.
  func number(after text: String) throws(UserError) -> Double {
    let digits = rest(after: text)?.prefix { Self.isDigit($0) || ".eE+-".utf8.contains($0) }
    guard let digits, let value = Double(Substring(digits)), value >= 0, value < 1e12 else {
      let name = text.trimmingSuffix { " :=".contains($0) }
      throw UserError("no number behind `\(name)`")
    }
    return value
  }

  /// What stands between the first brackets.
  var bracketed: String {
    guard let begin = line.firstIndex(of: UInt8(ascii: "[")) else { return "" }
    return String(Substring(line[begin...].dropFirst().prefix { $0 != UInt8(ascii: "]") }))
  }

  /// The first `HH:MM:SS`, and a date right before it: `05-19 ` as month and day, `04/28/2025-` too.
  func clock() throws(UserError) -> (seconds: Double, day: Int?) {
    let bytes = Array(line)
    func two(_ at: Int) -> Int? {
      guard at >= 0, at + 1 < bytes.count, Self.isDigit(bytes[at]), Self.isDigit(bytes[at + 1])
      else { return nil }
      return Int(bytes[at] - 48) * 10 + Int(bytes[at + 1] - 48)
    }
    let colon = UInt8(ascii: ":")
    for at in bytes.indices where at + 7 < bytes.count {
      guard bytes[at + 2] == colon, bytes[at + 5] == colon, let hour = two(at),
        let minute = two(at + 3), let second = two(at + 6), hour < 24, minute < 60, second < 60
      else { continue }
      var day: Int?
      if at >= 6, bytes[at - 4] == UInt8(ascii: "-"), let month = two(at - 6),
        let date = two(at - 3)
      {
        day = month * 100 + date
      } else if at >= 11, bytes[at - 6] == UInt8(ascii: "/"), let month = two(at - 11),
        let date = two(at - 8)
      {
        day = month * 100 + date
      }
      return (Double((hour * 60 + minute) * 60 + second), day)
    }
    throw UserError("no time of day, as `10:13:11`")
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
  }
}

extension String {
  fileprivate func trimmingSuffix(while isPart: (Character) -> Bool) -> String {
    var text = self[...]
    while let last = text.last, isPart(last) { text.removeLast() }
    return String(text)
  }
}
