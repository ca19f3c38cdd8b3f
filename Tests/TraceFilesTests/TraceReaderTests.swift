import Foundation
import Messages
import SimulationKernel
import Testing
import Workload

@testable import TraceFiles

@Suite struct TraceReaderTests {
  @Test func readsTheCanonicalColumns() throws {
    let reading = try read(
      "arrival_s,prompt_tokens,output_tokens\n0.0000000,374,44\n4.3145790,396,109\n")
    let (trace, warnings) = (reading.trace, reading.warnings)
    #expect(
      trace
        == Trace(
          name: "trace.csv",
          requests: [
            Request(promptTokens: 374, outputTokens: 44),
            Request(
              arrival: SimInstant(nanoseconds: 4_314_579_000), promptTokens: 396,
              outputTokens: 109),
          ],
          hasArrivals: true))
    #expect(warnings.isEmpty)
  }

  @Test func findsColumnsByNameInAnyOrder() throws {
    let reading = try read(
      "session_id,beam_width,n,output_tokens,prompt_tokens\n7,,,20,10\n,4,1,21,11\n,0,3,22,12\n")
    let (trace, warnings) = (reading.trace, reading.warnings)
    #expect(
      trace.requests == [
        Request(promptTokens: 10, outputTokens: 20, session: 7),
        Request(promptTokens: 11, outputTokens: 21, beamWidth: 4),
        Request(promptTokens: 12, outputTokens: 22, samples: 3),
      ])
    #expect(!trace.hasArrivals)
    #expect(warnings.isEmpty)
  }

  @Test func emptyArrivalsMakeATraceWithoutArrivals() throws {
    let trace = try read("arrival_s,prompt_tokens,output_tokens\n,8,45\n,9,12\n").trace
    #expect(!trace.hasArrivals)
    #expect(trace.requests.map(\.arrival) == [.zero, .zero])
  }

  @Test func namesTheColumnsThatAreNotUsed() throws {
    let warnings = try read(",prompt_tokens,output_tokens,foo\n0,8,45,x\n").warnings
    #expect(
      warnings == [
        "trace.csv: column 1, which has no name, is not used",
        "trace.csv: column `foo` is not used",
      ])
  }

  @Test(arguments: [
    "\u{FEFF}prompt_tokens,output_tokens\n8,45\n9,12\n",
    "prompt_tokens,output_tokens\r\n8,45\r\n9,12\r\n",
    "prompt_tokens,output_tokens\n8,45\n9,12",
    "prompt_tokens,output_tokens\r\n8,45\r\n9,12\r\n\r\n\n",
    "\"prompt_tokens\",\"output_tokens\"\n8,\"45\"\n\"9\",12\n",
    "prompt_tokens,note,output_tokens\n8,\"a, \"\"b\"\"\",45\n9,\"\",12\n",
  ]) func acceptsHabitsOfOtherTools(_ text: String) throws {
    let expected = [
      Request(promptTokens: 8, outputTokens: 45), Request(promptTokens: 9, outputTokens: 12),
    ]
    #expect(try read(text).trace.requests == expected)
  }

  @Test func tellsGzipByItsFirstBytes() throws {
    let head = Array("prompt_tokens,output_tokens\n8,45\n".utf8)
    let tail = Array("9,12\n".utf8)
    let whole = try TraceReader.read(bytes: head + tail, name: "t").trace
    #expect(try TraceReader.read(bytes: gzip(head + tail), name: "t").trace == whole)
    // Members that follow each other read as one file.
    #expect(try TraceReader.read(bytes: gzip(head) + gzip(tail), name: "t").trace == whole)
  }

  @Test func sizeOfPiecesDoesNotMatter() throws {
    var stream = RandomStream(seed: 5, label: "pieces")
    for _ in 0..<20 {
      let bytes = TraceWriter.bytes(of: anyTrace(&stream))
      let whole = try TraceReader.read(bytes: bytes, name: "t").trace
      let packed = gzip(bytes)
      for size in [1, 2, 3, 7, 64] {
        var parser = TraceParser(file: "t")
        var unpacking = TraceParser(file: "t")
        var inflater = GzipInflater(chunkBytes: size)
        for start in stride(from: 0, to: bytes.count, by: size) {
          try parser.consume(bytes.span.extracting(start..<min(start + size, bytes.count)))
        }
        for start in stride(from: 0, to: packed.count, by: size) {
          let piece = packed.span.extracting(start..<min(start + size, packed.count))
          let mistake = try inflater.inflate(piece) { bytes throws(UserError) in
            try unpacking.consume(bytes)
          }
          #expect(mistake == nil)
        }
        #expect(inflater.mistakeAtEnd == nil)
        #expect(try parser.finish().0.trace == whole)
        #expect(try unpacking.finish().0.trace == whole)
      }
    }
  }

  /// More rows than one chunk holds, through a real file, plain and gzip.
  @Test func readsFilesLargerThanAChunk() throws {
    let trace = try TraceGenerator.generate(preset: .alpaca, count: 60_000, seed: 3)
    let bytes = TraceWriter.bytes(of: trace)
    #expect(bytes.count > 1 << 18)
    try withTemporaryDirectory { directory in
      for (name, content) in [("plain.csv", bytes), ("packed", gzip(bytes))] {
        let url = directory.appending(path: name)
        try Data(content).write(to: url)
        let read = try TraceReader.read(path: url.path).trace
        #expect(read.name == url.path)
        #expect(read.requests == trace.requests)
      }
    }
  }

  @Test(.enabled(if: SharedTrace.sharegpt.isThere)) func readsTheRealShareGPT() throws {
    let reading = try TraceReader.read(path: SharedTrace.sharegpt.path)
    let (trace, warnings) = (reading.trace, reading.warnings)
    #expect(trace.requests.count == 84_226)
    #expect(!trace.hasArrivals)
    #expect(warnings.isEmpty)
    let kept = trace.requests.filter { $0.promptTokens + $0.outputTokens <= 2048 }
    #expect(kept.count == 79_731)
    #expect(abs(LengthSummary(kept.map(\.promptTokens)).mean - 161.31) < 0.005)
    #expect(abs(LengthSummary(kept.map(\.outputTokens)).mean - 337.99) < 0.005)
  }

  @Test(.enabled(if: SharedTrace.mooncake.isThere)) func readsBlockHashes() throws {
    let reading = try TraceReader.read(path: SharedTrace.mooncake.path)
    let (trace, warnings) = (reading.trace, reading.warnings)
    #expect(trace.requests.count == 12_031)
    #expect(trace.hasArrivals)
    #expect(warnings.isEmpty)
    #expect(reading.facts.blockTokens == 512)
    let contents = try #require(trace.contents)
    expectMatch(contents, trace.requests)
  }
}
