import Messages
import SimulationKernel
import Testing
import Workload

@testable import TraceFiles

/// Damaged files: each reads or is refused with a message that says where; none crashes.
@Suite struct TraceReaderFuzzTests {
  private static let sample = Array(
    #"""
    arrival_s,prompt_tokens,output_tokens,n,beam_width,session_id,"note"
    0,12,44,1,0,3,a
    0.25,396,109,,4,,"b, ""c"""
    4.314579,1,2147483647,8,0,0,

    """#.utf8)

  /// Reads `bytes`; a refusal must name the file, and the line and column if it is about a row.
  private func check(_ bytes: [UInt8], _ note: @autoclosure () -> String) {
    do {
      let trace = try TraceReader.read(bytes: bytes, name: "f.csv").trace
      #expect(!trace.requests.isEmpty, "\(note())")
      #expect(isValid(trace), "\(note())")
    } catch {
      #expect(isPlaced(error.message), "\(note()): \(error.message)")
      #expect(error.message.unicodeScalars.allSatisfy { $0.value >= 32 }, "\(note())")
    }
  }

  private func isPlaced(_ message: String) -> Bool {
    let whole = [
      "the file is empty", "no requests after the header", "the gzip data ends early",
      "the gzip data is corrupt",
    ]
    if whole.contains(where: { message == "f.csv: \($0)" }) { return true }
    let parts = message.split(separator: ":", maxSplits: 3)
    guard parts.count == 4, parts[0] == "f.csv", parts[3].count > 1 else { return false }
    return [parts[1], parts[2]].allSatisfy { Int($0).map { $0 >= 1 } ?? false }
  }

  private func isValid(_ trace: Trace) -> Bool {
    zip(trace.requests, trace.requests.dropFirst()).allSatisfy { $0.arrival <= $1.arrival }
      && trace.requests.allSatisfy {
        $0.promptTokens >= 1 && $0.outputTokens >= 1 && $0.samples >= 1 && $0.beamWidth >= 0
          && ($0.samples == 1 || $0.beamWidth == 0) && $0.session ?? 0 >= 0
          && $0.arrival >= .zero
      }
  }

  @Test func cutAtEveryByte() {
    let packed = gzip(Self.sample)
    for end in Self.sample.indices { check(Array(Self.sample[..<end]), "cut at \(end)") }
    for end in packed.indices { check(Array(packed[..<end]), "gzip cut at \(end)") }
  }

  @Test(arguments: 0..<4 as Range<UInt64>) func flippedBytes(seed: UInt64) {
    var stream = RandomStream(seed: seed, label: "flips")
    let packed = gzip(Self.sample)
    for round in 0..<250 {
      var plain = Self.sample
      var gzipped = packed
      for _ in 0...stream.below(4) {
        plain[stream.below(plain.count)] = UInt8(stream.below(256))
        gzipped[stream.below(packed.count)] ^= UInt8(1 << stream.below(8))
      }
      check(plain, "seed \(seed), round \(round), plain")
      check(gzipped, "seed \(seed), round \(round), gzip")
    }
  }

  /// Files put together from pieces that each have gone wrong somewhere before.
  @Test(arguments: 0..<4 as Range<UInt64>) func stitchedFields(seed: UInt64) {
    let fields = [
      "", "0", "1", "12", "-1", "12.5", "1e9", "1e-999999999999", "999999999999999999999999", "\0",
      "\u{FEFF}", "\r", "\"", "\"\"", "\"a,b\"", "nan", "٣", "é", "`", "\u{1B}[31m", " ",
      "prompt_tokens", "output_tokens", "arrival_s", "n", "beam_width", "session_id", "x", "x",
    ]
    let ends = ["\n", "\r\n", "\r", "\n\n", ""]
    var stream = RandomStream(seed: seed, label: "stitch")
    for round in 0..<250 {
      var text = ["", "\u{FEFF}", "prompt_tokens,output_tokens,"][stream.below(3)]
      for _ in 0..<1 + stream.below(5) {
        let row = (0..<1 + stream.below(6)).map { _ in fields[stream.below(fields.count)] }
        text += row.joined(separator: ",") + ends[stream.below(ends.count)]
      }
      check(Array(text.utf8), "seed \(seed), round \(round)")
    }
  }
}
