import Foundation
import SimulationKernel

/// The clients of one model as ServeGen publishes them: a folder with two files for each.
///
///     chunk-7-trace.csv      0,0.357,1.176,Gamma,0.7229,3.8777      how its requests arrive, window
///                            600,0,0,,0,0                           by window; no law: nobody
///     chunk-7-dataset.json   {"0": {"input_tokens": "{138: 0.5, 140: 0.5}", "output_tokens": …}}
///
/// - Source: ServeGen (NSDI 2026), `data/<category>/<model>`, and how its `clientpool.py` reads them.
package struct ServeGenPool: Equatable, Sendable {
  /// How gaps between requests are distributed, by shape; the rate fixes the scale.
  package enum GapLaw: Equatable, Sendable {
    case gamma(shape: Double)
    case weibull(shape: Double)
  }

  /// A span of time in which a client keeps its habits.
  struct Window: Equatable, Sendable {
    /// Seconds on the data's own clock.
    var start: Double
    /// Requests per second, and their law; `nil` where the client sends nothing.
    var habit: (rate: Double, law: GapLaw)?

    static func == (a: Window, b: Window) -> Bool {
      a.start == b.start && a.habit?.rate == b.habit?.rate && a.habit?.law == b.habit?.law
    }
  }

  /// Lengths from `start` on, until the next ones.
  struct Lengths: Equatable, Sendable {
    var start: Double
    var prompt: TokenShares
    var output: TokenShares
  }

  struct Client: Equatable, Sendable {
    var number: Int
    /// At least one, each beginning after the one before.
    var windows: [Window]
    /// In order of their start.
    var lengths: [Lengths]
  }

  /// The folder, as the user gave it.
  let name: String
  /// By number.
  let clients: [Client]

  /// Reads the folder at `path`.
  ///
  /// - Throws: ``UserError`` where it holds no client, a client lacks a file, and for what is wrong in
  ///   a file, with its place.
  package init(folder path: String) throws(UserError) {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
      throw UserError("cannot read the folder `\(path)`")
    }
    func number(_ name: String, _ end: String) -> Int? {
      guard name.hasPrefix("chunk-"), name.hasSuffix(end) else { return nil }
      return Int(name.dropFirst(6).dropLast(end.count))
    }
    let numbers = names.compactMap { number($0, "-trace.csv") }.sorted()
    guard !numbers.isEmpty else {
      throw UserError(
        "`\(path)` holds no `chunk-N-trace.csv`",
        hint: "give the folder of one model, such as `data/language/m-small`")
    }
    var clients: [Client] = []
    for number in numbers {
      func bytes(_ name: String) throws(UserError) -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: "\(path)/\(name)") else {
          throw UserError("cannot read `\(path)/\(name)`")
        }
        return Array(data)
      }
      let (trace, dataset) = ("chunk-\(number)-trace.csv", "chunk-\(number)-dataset.json")
      clients.append(
        Client(
          number: number,
          windows: try ServeGenFiles.windows(bytes(trace), file: "\(path)/\(trace)"),
          lengths: try ServeGenFiles.lengths(bytes(dataset), file: "\(path)/\(dataset)")))
    }
    self.init(name: path, clients: clients)
  }

  init(name: String, clients: [Client]) {
    self.name = name
    self.clients = clients
  }
}

/// Token counts with their shares.
struct TokenShares: Equatable, Sendable {
  /// Ascending, at least one.
  var tokens: [Int32]
  /// The share of counts up to each, the last 1.
  var cumulative: [Double]

  /// - Precondition: `shares` are not empty and their sum is positive.
  init(_ shares: [(tokens: Int32, share: Double)]) {
    let ascending = shares.filter { $0.share > 0 }.sorted { $0.tokens < $1.tokens }
    let total = ascending.reduce(0) { $0 + $1.share }
    precondition(total > 0, "TokenShares: nothing has a share")
    var sum = 0.0
    tokens = ascending.map(\.tokens)
    cumulative = ascending.map {
      sum += $0.share
      return sum / total
    }
  }

  /// The tokens at the share `u` in [0, 1); a count of 0 is taken for 1, since no engine serves none.
  func tokens(at u: Double) -> Int32 { max(1, tokens[rank(u, in: cumulative)]) }
}
