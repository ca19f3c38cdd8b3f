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
  package struct Window: Equatable, Sendable {
    /// Seconds on the data's own clock.
    package var start: Double
    /// Requests per second, and their law; `nil` where the client sends nothing.
    package var habit: (rate: Double, law: GapLaw)?

    package init(start: Double, habit: (rate: Double, law: GapLaw)?) {
      self.start = start
      self.habit = habit
    }

    package static func == (a: Window, b: Window) -> Bool {
      a.start == b.start && a.habit?.rate == b.habit?.rate && a.habit?.law == b.habit?.law
    }
  }

  /// Lengths from `start` on, until the next ones.
  package struct Lengths: Equatable, Sendable {
    package var start: Double
    package var prompt: TokenShares
    package var output: TokenShares

    package init(start: Double, prompt: TokenShares, output: TokenShares) {
      self.start = start
      self.prompt = prompt
      self.output = output
    }
  }

  package struct Client: Equatable, Sendable {
    package var number: Int
    /// At least one, each beginning after the one before.
    package var windows: [Window]
    /// In order of their start.
    package var lengths: [Lengths]

    package init(number: Int, windows: [Window], lengths: [Lengths]) {
      self.number = number
      self.windows = windows
      self.lengths = lengths
    }
  }

  /// The folder, as the user gave it.
  package let name: String
  /// By number.
  package let clients: [Client]

  package init(name: String, clients: [Client]) {
    self.name = name
    self.clients = clients
  }
}

/// Token counts with their shares.
package struct TokenShares: Equatable, Sendable {
  /// Ascending, at least one.
  var tokens: [Int32]
  /// The share of counts up to each, the last 1.
  var cumulative: [Double]

  /// - Precondition: `shares` are not empty and their sum is positive.
  package init(_ shares: [(tokens: Int32, share: Double)]) {
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
