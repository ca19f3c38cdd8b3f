import Foundation
import Messages

/// A request of the AVMP study. One tick is one decode step; a prompt takes a tick a token.
struct AVMPRequest: Equatable, Sendable {
  var id: Int32
  var arrivalTick: Int
  var promptTokens: Int
  var generatedTokens: Int
}

/// The workloads of the AVMP study.
///
/// - Source: `benchmarks/harness/workloads.py` of codepawl/cachepawl, whose draws are repeated number by number.
package enum AVMPWorkload: String, CaseIterable, Sendable {
  /// 512 short prompts, one a tick.
  case uniformShort = "uniform_short"
  /// 256 prompts, a fifth of them long, one a tick.
  case mixedLong = "mixed_long"
  /// 256 prompts with a heavy tail, ten a tick.
  case agenticBurst = "agentic_burst"

  /// The three seeds of the published runs.
  package var publishedSeeds: [UInt64] {
    switch self {
    case .uniformShort: [1, 2, 3]
    case .mixedLong: [2, 3, 4]
    case .agenticBurst: [3, 4, 5]
    }
  }

  /// Draws the requests; each column is drawn as a whole.
  func requests(seed: UInt64) -> [AVMPRequest] {
    var numbers = NumpyGenerator(seed: seed)
    switch self {
    case .uniformShort:
      let prompts = Self.integers(128..<1025, 512, &numbers)
      return Self.rows(prompts, Self.integers(64..<257, 512, &numbers))
    case .mixedLong:
      let isLong = (0..<256).map { _ in numbers.uniform() < 0.2 }
      let short = Self.integers(512..<4097, 256, &numbers)
      let long = Self.integers(16384..<65537, 256, &numbers)
      let prompts = isLong.indices.map { isLong[$0] ? long[$0] : short[$0] }
      return Self.rows(prompts, Self.integers(128..<513, 256, &numbers))
    case .agenticBurst:
      var clock = 0.0
      let ticks = (0..<256).map { _ in
        clock += numbers.exponential(mean: 1 / 10.0)
        return Int(clock.rounded(.up))
      }
      let prompts = (0..<256).map { _ in
        min(max(Int(numbers.lognormal(mean: 8.5, sigma: 1)), 64), 65536)
      }
      return Self.rows(prompts, Self.integers(64..<257, 256, &numbers), ticks: ticks)
    }
  }

  private static func integers(
    _ range: Range<Int>, _ count: Int, _ numbers: inout NumpyGenerator
  ) -> [Int] {
    (0..<count).map { _ in numbers.integer(in: range) }
  }

  /// - Parameter ticks: `nil` for one arrival a tick.
  private static func rows(
    _ prompts: [Int], _ generated: [Int], ticks: [Int]? = nil
  ) -> [AVMPRequest] {
    prompts.indices.map {
      AVMPRequest(
        id: Int32($0), arrivalTick: ticks?[$0] ?? $0, promptTokens: prompts[$0],
        generatedTokens: generated[$0])
    }
  }
}

extension AVMPWorkload {
  /// Reads `WORKLOAD_seedN.csv` of a folder, with the columns `id,arrival_tick,prompt,gen`.
  ///
  /// - Throws: ``UserError`` where the file is missing or a row is broken.
  func requests(seed: UInt64, folder: String) throws(UserError) -> [AVMPRequest] {
    let path = "\(folder)/\(rawValue)_seed\(seed).csv"
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      throw UserError(
        "cannot read `\(path)`",
        hint: "without `--traces` the requests are drawn as the study's own generator draws them")
    }
    let lines = text.split(whereSeparator: \.isNewline)
    guard lines.first == "id,arrival_tick,prompt,gen" else {
      throw .at(path, 1, 1, "the columns must be `id,arrival_tick,prompt,gen`")
    }
    var requests: [AVMPRequest] = []
    for (index, line) in lines.enumerated().dropFirst() {
      let fields = line.split(separator: ",").compactMap { Int($0) }
      guard fields.count == 4, fields[0] == requests.count, fields[1] >= 0, fields[2] > 0,
        fields[3] > 0
      else {
        throw .at(
          path, index + 1, 1,
          "a row needs the number of the request (\(requests.count)), its tick and two positive "
            + "counts of tokens, found `\(printable(line.utf8.span))`")
      }
      requests.append(
        AVMPRequest(
          id: Int32(fields[0]), arrivalTick: fields[1], promptTokens: fields[2],
          generatedTokens: fields[3]))
    }
    return requests
  }
}
