import CZlib
import Foundation
import Messages
import SimulationKernel
import Testing

@testable import TraceFiles
@testable import Workload

/// Reads `text` as a trace called `trace.csv`.
func read(_ text: String) throws -> TraceReader.Reading {
  try TraceReader.read(bytes: Array(text.utf8), name: "trace.csv")
}

/// The error that reading `text` as `trace.csv` ends in.
func mistake(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) -> UserError? {
  mistake(Array(text.utf8), sourceLocation: sourceLocation)
}

func mistake(
  _ bytes: [UInt8], name: String = "trace.csv", sourceLocation: SourceLocation = #_sourceLocation
) -> UserError? {
  #expect(throws: UserError.self, sourceLocation: sourceLocation) {
    try TraceReader.read(bytes: bytes, name: name)
  }
}

/// `bytes` as one gzip member.
func gzip(_ bytes: [UInt8]) -> [UInt8] {
  var stream = z_stream()
  let size = Int32(MemoryLayout<z_stream>.size)
  precondition(deflateInit2_(&stream, 6, Z_DEFLATED, 31, 8, 0, ZLIB_VERSION, size) == Z_OK)
  defer { deflateEnd(&stream) }
  var input = bytes
  var output = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(bytes.count))))
  return input.withUnsafeMutableBufferPointer { source in
    output.withUnsafeMutableBufferPointer { target in
      stream.next_in = source.baseAddress
      stream.avail_in = UInt32(source.count)
      stream.next_out = target.baseAddress
      stream.avail_out = UInt32(target.count)
      precondition(deflate(&stream, Z_FINISH) == Z_STREAM_END)
      return Array(target.prefix(target.count - Int(stream.avail_out)))
    }
  }
}

/// A trace of 1 to 40 requests with anything that a file can say, drawn from `stream`.
func anyTrace(_ stream: inout RandomStream) -> Trace {
  let hasArrivals = stream.below(2) == 0
  let hasOptions = stream.below(2) == 0
  var arrival = SimInstant.zero
  let requests = (0..<1 + stream.below(40)).map { _ in
    var request = Request(
      promptTokens: anyLength(&stream), outputTokens: anyLength(&stream))
    if hasArrivals {
      // Gaps of every size, from whole seconds to single nanoseconds.
      let gap = Int64(stream.below(1_000)) * [0, 1, 1_000, 1_000_000_000][stream.below(4)]
      arrival = arrival + SimDuration(nanoseconds: gap)
      request.arrival = arrival
    }
    if hasOptions {
      switch stream.below(3) {
      case 0: request.samples = anyLength(&stream)
      case 1: request.beamWidth = anyLength(&stream)
      default: request.session = anyLength(&stream) - 1
      }
    }
    return request
  }
  var trace = Trace(name: "any", requests: requests, hasArrivals: hasArrivals)
  if hasOptions { addNotes(to: &trace, &stream) }
  return trace
}

/// Classes, priorities, adapters and think times, named in order of first appearance.
private func addNotes(to trace: inout Trace, _ stream: inout RandomStream) {
  for index in trace.requests.indices {
    trace.requests[index].priority = Int8(stream.below(256) - 128)
    if stream.below(3) > 0 {
      let name = ["chat", "code", "naïve batch"][stream.below(3)]
      trace.requests[index].requestClass = trace.classNames.number(of: name)
    }
  }
  let count = trace.requests.count
  if stream.below(2) == 0 {
    trace.notes.adapters = (0..<count).map { _ in
      stream.below(2) == 0 ? 0 : trace.notes.adapterNames.number(of: "lora-\(stream.below(3))")
    }
    if trace.notes.adapterNames.isEmpty { trace.notes.adapters = [] }
  }
  if stream.below(2) == 0 {
    trace.notes.thinkTimes = (0..<count).map { _ in Int64(stream.below(3_000_000_000)) }
  }
}

private func anyLength(_ stream: inout RandomStream) -> Int32 {
  stream.below(20) == 0 ? .max : Int32(1 + stream.below(5_000))
}

/// The repository's root.
let repositoryRoot = URL(filePath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

/// A real trace that lies beside a developer's checkout, not in it.
enum SharedTrace: String {
  case sharegpt = "sharegpt_sosp23_opt_lengths.csv.gz"
  case azureCode = "azure2023_code.csv.gz"
  case azureConversation = "azure2023_conv.csv.gz"
  case mooncake = "mooncake_conversation.csv.gz"

  var path: String {
    repositoryRoot.deletingLastPathComponent()
      .appending(path: "shared/data/traces/\(rawValue)").path
  }

  var isThere: Bool { FileManager.default.fileExists(atPath: path) }
}

/// A fresh empty directory, removed after `body`.
func withTemporaryDirectory(_ body: (URL) throws -> Void) throws {
  let directory = FileManager.default.temporaryDirectory
    .appending(path: "kvplan-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: directory) }
  try body(directory)
}

/// Holds the contents of a trace to its prompts, token for token.
func expectMatch(
  _ contents: PromptContents, _ requests: [Request],
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(contents.requestCount == requests.count, sourceLocation: sourceLocation)
  let described = requests.indices.map { contents.promptTokens(of: $0) }
  #expect(
    described.elementsEqual(requests) { $0 == Int($1.promptTokens) },
    sourceLocation: sourceLocation)
}
