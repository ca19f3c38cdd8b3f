import Foundation
import Messages
import SimulationKernel
import Testing

@testable import TraceFiles
@testable import Workload

/// ServeGen's files: what they say, what is drawn from them, and what is wrong with damaged ones.
@Suite struct ServeGenTests {
  /// Two clients as the public files have them: windows of 600 s, one without a sender, lengths by span.
  private let files = [
    "chunk-0-trace.csv": "0,2.0,1.5,Gamma,0.5,1.0\n600,0,0,,0,0\n1200,4.0,3.0,Weibull,0.6,0.2\n",
    "chunk-0-dataset.json": """
    {"0": {"input_tokens": "{10: 0.25, 20: 0.75}", "output_tokens": "{5: 1.0}"},
     "600": {"input_tokens": "{}", "output_tokens": "{}"},
     "1200": {"input_tokens": "{100: 1.0}", "output_tokens": "{7: 0.5, 9: 5e-1}", "images": "{}"}}
    """,
    "chunk-12-trace.csv": "0,1.0,10.0,Weibull,0.35,0.2\r\n600,1.0,1,Gamma,1,1\r\n1200,0,0,,0,0\r\n",
    "chunk-12-dataset.json": #"{"0": {"input_tokens": "{3: 1}", "output_tokens": "{0: 1}"}}"#,
  ]

  private func withPool<T>(
    _ changes: [String: String?] = [:], _ body: (ServeGenPool) throws -> T
  ) throws -> T {
    var result: T?
    try withTemporaryDirectory { folder in
      for (name, text) in files.merging(changes.compactMapValues { $0 }, uniquingKeysWith: { $1 })
      where changes[name] != .some(nil) {
        try Data(text.utf8).write(to: folder.appending(path: name))
      }
      result = try body(try ServeGenPool(folder: folder.path))
    }
    return try #require(result)
  }

  @Test func readsWindowsAndLengths() throws {
    try withPool { pool in
      #expect(pool.clients.map(\.number) == [0, 12])
      #expect(
        pool.clients[0].windows == [
          .init(start: 0, habit: (2, .gamma(shape: 0.5))), .init(start: 600, habit: nil),
          .init(start: 1200, habit: (4, .weibull(shape: 0.6))),
        ])
      #expect(pool.clients[0].lengths.map(\.start) == [0, 1200])
      #expect(pool.clients[0].lengths[0].prompt.tokens == [10, 20])
      #expect(pool.clients[0].lengths[0].prompt.cumulative == [0.25, 1])
      #expect(pool.expectedRequests(from: 0, to: 1800) == 4800)
      #expect(pool.expectedRequests(from: 300, to: 700) == 1000)
    }
  }

  /// Over many seeds the number of requests is what the rates say, bursty as the clients are, and the
  /// lengths are those of the span.
  @Test func drawsWhatTheFilesSay() throws {
    try withPool { pool in
      var count = 0
      var firstSpan = 0
      var short = 0
      for seed in 0..<60 as Range<UInt64> {
        let trace = try pool.trace(from: 0, to: 1800, requestRate: nil, seed: seed)
        #expect(trace.hasArrivals)
        #expect(trace.requests.allSatisfy { $0.arrival.seconds < 1800 })
        count += trace.requests.count
        for request in trace.requests where request.promptTokens == 10 || request.promptTokens == 20
        {
          firstSpan += 1
          if request.promptTokens == 10 { short += 1 }
          #expect(request.outputTokens == 5 && request.arrival.seconds < 600)
        }
        #expect(
          trace.requests.allSatisfy { $0.promptTokens != 3 || $0.outputTokens == 1 })
      }
      // Sixty draws of 4,800: one standard deviation is about 0.6 %.
      #expect(abs(Double(count) / 60 / 4800 - 1) < 0.02, "\(count)")
      #expect(abs(Double(short) / Double(firstSpan) - 0.25) < 0.01)
    }
  }

  @Test func theRateIsSharedOut() throws {
    try withPool { pool in
      let trace = try pool.trace(from: 0, to: 600, requestRate: 30, seed: 1)
      #expect(abs(Double(trace.requests.count) / 18_000 - 1) < 0.15)
      let own = trace.requests.count { $0.promptTokens == 3 }
      #expect(abs(Double(own) / 6000 - 1) < 0.4)
      #expect(try pool.trace(from: 0, to: 600, requestRate: 30, seed: 1) == trace)
      #expect(try pool.trace(from: 0, to: 600, requestRate: 30, seed: 2) != trace)
    }
  }

  @Test(arguments: [
    ("chunk-0-trace.csv", "0,1,1,Gamma,1\n", "chunk-0-trace.csv:1:1: 5 fields, a window has 6"),
    (
      "chunk-0-trace.csv", "0,-1,1,Gamma,1,1\n",
      "chunk-0-trace.csv:1:3: a rate must be a number, 0 or more, found `-1`"
    ),
    (
      "chunk-0-trace.csv", "0,1,1,Pareto,1,1\n",
      "chunk-0-trace.csv:1:1: the law of gaps must be `Gamma` or `Weibull`, found `Pareto`"
    ),
    (
      "chunk-0-trace.csv", "5,0,0,,0,0\n5,0,0,,0,0\n", "chunk-0-trace.csv:2:1: windows go back: 5 s"
    ),
    ("chunk-0-trace.csv", "", "chunk-0-trace.csv: the file is empty"),
    (
      "chunk-0-dataset.json", #"{"0": {"input_tokens": "{1: 0.5}", "output_tokens": "{1: 1}"}}"#,
      "chunk-0-dataset.json:1:25: the shares of the token counts add to 0.5, not to 1"
    ),
    (
      "chunk-0-dataset.json", #"{"0": {"input_tokens": "[1]", "output_tokens": "{1: 1}"}}"#,
      "chunk-0-dataset.json:1:25: token counts must be written `{tokens: share, …}`"
    ),
    (
      "chunk-0-dataset.json", #"{"a": {}}"#,
      "chunk-0-dataset.json:1:3: a span must begin at a whole second"
    ),
  ])
  func mistakes(_ name: String, _ text: String, _ wanted: String) throws {
    #expect {
      try withPool([name: text]) { _ in }
    } throws: { error in
      (error as? UserError)?.message.hasSuffix("/" + wanted) ?? false
    }
  }

  @Test func whatIsMissing() throws {
    #expect(throws: UserError.self) { try withPool(["chunk-12-dataset.json": nil]) { _ in } }
    #expect(throws: UserError.self) { try ServeGenPool(folder: "/nowhere") }
    try withPool { pool in
      #expect(throws: UserError("the window from 5 to 5 s is empty")) {
        try pool.trace(from: 5, to: 5, requestRate: nil, seed: 0)
      }
      #expect(throws: UserError.self) {
        try pool.trace(from: 9000, to: 9600, requestRate: nil, seed: 0)
      }
    }
  }

  /// Files cut anywhere or with bytes exchanged read, or are refused at a place.
  @Test func damagedFiles() throws {
    var chance = RandomStream(seed: 5, label: "servegen")
    for (name, text) in files.sorted(by: { $0.key < $1.key }) {
      for round in 0..<400 {
        var bytes = Array(text.utf8)
        if round % 2 == 0 { bytes.removeLast(chance.below(bytes.count)) }
        for _ in 0..<chance.below(3) where !bytes.isEmpty {
          bytes[chance.below(bytes.count)] = UInt8(chance.below(256))
        }
        do throws(UserError) {
          if name.hasSuffix("csv") {
            let windows = try ServeGenFiles.windows(bytes, file: "f")
            #expect(!windows.isEmpty)
            #expect(windows.allSatisfy { $0.habit.map { $0.rate > 0 } ?? true })
          } else {
            let lengths = try ServeGenFiles.lengths(bytes, file: "f")
            #expect(lengths.allSatisfy { $0.prompt.cumulative.last == 1 })
          }
        } catch {
          let parts = error.message.split(separator: ":", maxSplits: 3)
          #expect(error.message == "f: the file is empty" || parts.count == 4, "\(error.message)")
        }
      }
    }
  }
}
