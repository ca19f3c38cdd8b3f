import Foundation
import Messages
import SimulationKernel
import Testing
import Workload

@testable import TraceFiles

/// Damaged files of every format: each reads, is refused with a message that says where, or loses
/// rows that are counted. None crashes, and none reads as lengths that are not there.
@Suite struct FormatFuzzTests {
  struct Sample: CustomTestStringConvertible, Sendable {
    let format: TraceFormat
    let text: String
    var testDescription: String { format.rawValue }
  }

  static let samples: [Sample] =
    [
      Sample(
        format: .azure,
        text: """
          TIMESTAMP,ContextTokens,GeneratedTokens
          2023-11-16 18:15:46.6805900,374,44
          2023-11-16T18:15:50.995169Z,396,109

          """),
      Sample(
        format: .burstgpt,
        text: """
          Timestamp,Session ID,Model,Request tokens,Response tokens,Total tokens,Log Type
          5,a,ChatGPT,472,18,490,Conversation log
          45,,GPT-4,1087,0,1087,API log

          """),
      Sample(
        format: .vidur,
        text: "arrived_at,num_prefill_tokens,num_decode_tokens\n0.0,374,44\n4.314579,396,109\n"),
      Sample(
        format: .csv,
        text: """
          arrival_s,prompt_tokens,output_tokens,conversation_id,prompt_pieces,class,priority,think_time_s
          0,9,4,a,3:0:5 -1:0:4,chat,0,
          1,9,4,a,3:0:5 -2:0:4,code,-1,0.5
          2,9,4,,,,,

          """),
      Sample(
        format: .mooncake,
        text: """
          {"timestamp": 0, "input_length": 1030, "output_length": 500, "hash_ids": [0, 1, 2]}
          {"timestamp": 2.5, "input_length": 6, "output_length": 52, "hash_ids": [9], "session_id": "x", "delay": 3, "class": "a"}

          """),
      Sample(
        format: .bailian,
        text: """
          {"chat_id":0,"parent_chat_id":-1,"timestamp":0.0,"input_length":20,"output_length":4,"hash_ids":[0,1]}
          {"chat_id":1,"parent_chat_id":0,"timestamp":6.1,"input_length":40,"output_length":6,"hash_ids":[0,2,3]}

          """),
      Sample(
        format: .guidellm,
        text: #"{"prompt":"x\ny","prompt_tokens_count":120,"output_tokens_count":64,"#
          + #""a":[1,{"b":null}]}"# + "\n"),
      Sample(
        format: .vllmCustom,
        text: #"{"prompt": "na\u00efve \ud83d\ude00", "output_tokens": 10}"#),
      Sample(
        format: .vllmBench,
        text:
          #"{"completed": 2, "input_lens": [13, 24], "output_lens": [3, 1], "ttfts": [0.1, NaN]}"#
      ),
      Sample(
        format: .sharegpt,
        text: """
          [ {"id":"a","conversations":[{"from":"human","value":"é"},{"from":"gpt","value":"\\"hi\\""}]},
            {"id":"b","conversations":[]} ]
          """),
      Sample(
        format: .alpaca,
        text: #"[{"instruction":"Add.","input":"2 and 3","output":"5"},"#
          + #"{"instruction":"a","output":"b"}]"#),
    ] + PublishedFormatTests.samples.map { Sample(format: $0.format, text: $0.text) }

  /// Damaged files of each sample; more where `KVPLAN_FUZZ_ROUNDS` says so.
  private static let rounds =
    ProcessInfo.processInfo.environment["KVPLAN_FUZZ_ROUNDS"].flatMap(Int.init) ?? 150

  /// Reads `bytes` both ways: skipping must never find more than refusing, nor lose rows unsaid.
  private func check(
    _ bytes: [UInt8], forced: TraceFormat?, columns: ColumnMapping? = nil,
    _ note: @autoclosure () -> String
  ) {
    var strict = TraceReadOptions()
    strict.columns = columns
    strict.format = forced
    var lenient = strict
    lenient.skipsBadRows = true
    var whole: TraceReading?
    do {
      let reading = try TraceReader.read(bytes: bytes, name: "f", options: strict)
      whole = reading
      expectValid(reading.trace, note())
      #expect(reading.facts.skippedRows == 0, "\(note())")
    } catch {
      expectPlaced(error.message, note())
    }
    do {
      let reading = try TraceReader.read(bytes: bytes, name: "f", options: lenient)
      expectValid(reading.trace, note())
      if let whole {
        #expect(whole.trace == reading.trace, "\(note())")
      } else {
        #expect(reading.facts.skippedRows > 0, "\(note())")
        #expect(reading.warnings.contains { $0.contains("left out") }, "\(note())")
      }
    } catch {
      expectPlaced(error.message, note())
    }
  }

  private func expectValid(_ trace: Trace, _ note: String) {
    #expect(!trace.requests.isEmpty, "\(note)")
    #expect(
      trace.requests.allSatisfy {
        $0.promptTokens >= 1 && $0.outputTokens >= 1 && $0.arrival >= .zero
          && $0.session ?? 0 >= 0
      }, "\(note)")
    #expect(
      zip(trace.requests, trace.requests.dropFirst()).allSatisfy { $0.arrival <= $1.arrival },
      "\(note)")
    if let contents = trace.contents { expectMatch(contents, trace.requests) }
  }

  private func expectPlaced(_ message: String, _ note: String) {
    #expect(message.unicodeScalars.allSatisfy { $0.value >= 32 }, "\(note): \(message)")
    let whole = ["f: the file is empty", "f: no requests"]
    if whole.contains(where: { message.hasPrefix($0) }) { return }
    let parts = message.split(separator: ":", maxSplits: 3)
    let isPlaced =
      parts.count == 4 && parts[0] == "f" && parts[1...2].allSatisfy { Int($0) ?? 0 >= 1 }
    #expect(isPlaced, "\(note): \(message)")
  }

  @Test(arguments: samples) func samplesRead(_ sample: Sample) throws {
    let reading = try TraceReader.read(bytes: Array(sample.text.utf8), name: "f")
    #expect(reading.format == sample.format)
  }

  @Test(arguments: samples) func cutAtEveryByte(_ sample: Sample) {
    let bytes = Array(sample.text.utf8)
    for end in bytes.indices {
      check(Array(bytes[..<end]), forced: nil, "cut at \(end)")
      check(Array(bytes[..<end]), forced: sample.format, "forced, cut at \(end)")
    }
  }

  @Test(arguments: samples) func garbageBytes(_ sample: Sample) {
    var stream = RandomStream(seed: 7, label: sample.format.rawValue)
    let bytes = Array(sample.text.utf8)
    for round in 0..<Self.rounds {
      var damaged = bytes
      for _ in 0...stream.below(3) {
        damaged[stream.below(damaged.count)] = UInt8(stream.below(256))
      }
      check(damaged, forced: round % 2 == 0 ? sample.format : nil, "round \(round)")
    }
  }

  /// The same of files that `--columns` maps.
  @Test(arguments: [
    "when,in,out,who,gap_ms\n2026-02-25T10:00:00Z,5,6,a,\n2026-02-25 10:00:01+01:00,7,8,b,250\n",
    #"{"when": 1765000000, "in": 5, "out": 6, "who": "x", "gap_ms": 9}"# + "\n",
  ]) func mappedColumns(_ text: String) throws {
    let mapping = try ColumnMapping("arrival=when,prompt=in,output=out,session=who,think=gap_ms")
    var stream = RandomStream(seed: 9, label: text)
    let bytes = Array(text.utf8)
    for round in 0..<Self.rounds {
      var damaged = bytes
      for _ in 0...stream.below(3) {
        damaged[stream.below(damaged.count)] = UInt8(stream.below(256))
      }
      check(damaged, forced: nil, columns: mapping, "round \(round)")
    }
  }

  /// Pieces that have each gone wrong somewhere, put in place of a number or a text.
  @Test(arguments: samples) func wrongValues(_ sample: Sample) {
    let values = [
      "99999999999999999999", "-1", "1e400", "0", "12.5", "null", "true", "\"x\"", "[]", "{}", "",
      "\u{0}", "\u{FEFF}", "\r", "\n", "\\", "\"", "\\ud800", "\\u12", "é", "NaN", "-", "[[[[",
      "}}",
      "{\"a\":1,\"a\":2}",
    ]
    var stream = RandomStream(seed: 8, label: sample.format.rawValue)
    let scalars = Array(sample.text.unicodeScalars)
    let starts = scalars.indices.filter { "0123456789".unicodeScalars.contains(scalars[$0]) }
    for value in values {
      for _ in 0..<6 {
        let start = starts.isEmpty ? 0 : starts[stream.below(starts.count)]
        var text = String.UnicodeScalarView()
        text += scalars[..<start]
        text += value.unicodeScalars
        text += scalars[min(scalars.count, start + stream.below(3))...]
        check(Array(String(text).utf8), forced: sample.format, "\(value) at \(start)")
      }
    }
  }

  /// A member that stands twice, in formats that have members; a column that does, in tables.
  @Test(arguments: samples) func namesThatStandTwice(_ sample: Sample) throws {
    let isTable = !sample.format.columns.isEmpty && sample.format != .guidellm
    let text =
      isTable
      ? sample.text.split(separator: "\n", omittingEmptySubsequences: false)
        .map { $0.isEmpty ? "" : "\($0),\($0)" }.joined(separator: "\n")
      : sample.text.replacing("{", with: "{\"prompt\":\"x\",\"prompt\":\"x\",", maxReplacements: 9)
    check(Array(text.utf8), forced: sample.format, "twice")
    if isTable {
      let error = mistake(Array(text.utf8), name: "f")
      #expect(error?.message.contains("appears twice") ?? false, "\(error?.message ?? "")")
    }
  }

  @Test(arguments: samples) func habitsOfOtherTools(_ sample: Sample) throws {
    let plain = try TraceReader.read(bytes: Array(sample.text.utf8), name: "f").trace
    let crlf = Array(sample.text.replacing("\n", with: "\r\n").utf8)
    let marked = [0xEF, 0xBB, 0xBF] + Array(sample.text.utf8)
    for bytes in [crlf, marked, gzip(Array(sample.text.utf8))] {
      #expect(try TraceReader.read(bytes: bytes, name: "f").trace == plain)
    }
  }

  /// Files in pieces of any size read as a whole.
  @Test(arguments: samples) func sizeOfPiecesDoesNotMatter(_ sample: Sample) throws {
    let bytes = Array(sample.text.utf8)
    let whole = try TraceReader.read(bytes: bytes, name: "f").trace
    for size in [1, 2, 5, 31] {
      var parser = TraceParser(file: "f", headBytes: 1 + size)
      if sample.format.columns.isEmpty || sample.format == .guidellm {
        var options = TraceReadOptions()
        options.format = sample.format
        parser = TraceParser(file: "f", options: options, headBytes: 1 + size)
      }
      for start in stride(from: 0, to: bytes.count, by: size) {
        try parser.consume(bytes.span.extracting(start..<min(start + size, bytes.count)))
      }
      #expect(try parser.finish().0.trace == whole)
    }
  }
}
