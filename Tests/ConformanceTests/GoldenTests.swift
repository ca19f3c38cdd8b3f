import Foundation
import Testing

@testable import Conformance

/// Where recorded goldens lie when they are at hand; the repository does not carry them.
let goldenFolder = URL(filePath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  .appending(path: "../shared/data/golden").standardizedFileURL

func goldens(_ engine: String) -> [String] {
  let folder = goldenFolder.appending(path: engine).path
  let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
  return files.filter { $0.hasSuffix(".json.gz") || $0.hasSuffix(".jsonl.gz") }.sorted()
    .map { "\(folder)/\($0)" }
}

/// Whether the recordings are at hand.
let hasGoldens = !goldens("sosp23").isEmpty

/// Recordings that the repository carries, of one folder of `Tests/Goldens`.
func carriedGoldens(_ name: String) -> [String] {
  let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Goldens/\(name)").path
  let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
  return files.filter { $0.hasSuffix(".gz") }.sorted().map { "\(folder)/\($0)" }
}

/// The lines of a golden in `Tests/Goldens`.
func handmadeGolden(_ name: String) -> [String] {
  let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Goldens/\(name).jsonl")
  let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
  return text.split(separator: "\n").map(String.init)
}

@Suite struct GoldenTests {
  @Test(arguments: carriedGoldens("recorded/sosp23") + goldens("sosp23"))
  func sosp23(path: String) throws {
    let report = try replay(try GoldenFile(path: path))
    #expect(report.passes, "\(report.line)")
  }

  @Test(arguments: carriedGoldens("recorded/vllm-0.2") + goldens("vllm-0.2"))
  func vllm02(path: String) throws {
    let report = try replay(try GoldenFile(path: path))
    #expect(report.passes, "\(report.line)")
  }

  @Test(arguments: carriedGoldens("recorded/vllm-v1") + goldens("vllm-v1"))
  func vllmV1(path: String) throws {
    let report = try replay(try GoldenFile(path: path))
    #expect(report.passes, "\(report.line)")
  }

  @Test(arguments: carriedGoldens("recorded/sglang") + goldens("sglang"))
  func sglang(path: String) throws {
    let report = try replay(try GoldenFile(path: path))
    #expect(report.passes, "\(report.line)")
  }

  /// Layers that keep every token are a group as any other: the memory of several decides as that of one.
  @Test(arguments: goldens("vllm-v1").filter { !$0.contains("sharegpt") && !$0.contains("chat") })
  func vllmV1AsGroups(path: String) throws {
    let report = try V1Golden(GoldenFile(path: path)).replayAsGroups()
    #expect(report.passes, "\(report.line)")
  }

  /// A clone by itself replays recordings of every engine.
  @Test func recordingsAreCarried() {
    let counts = [
      "hybrid", "ahead", "connectors", "recorded/sosp23", "recorded/vllm-0.2", "recorded/vllm-v1",
      "recorded/sglang",
    ].map { carriedGoldens($0).count }
    #expect(counts == [7, 11, 4, 4, 5, 6, 18])
  }

  /// What is carried is what was recorded, byte for byte.
  @Test(.enabled(if: hasGoldens)) func carriedRecordingsAreTheRecordings() throws {
    for engine in ["sosp23", "vllm-0.2", "vllm-v1", "sglang"] {
      for path in carriedGoldens("recorded/\(engine)") {
        let recorded = goldenFolder.appending(path: engine).appending(
          path: URL(filePath: path).lastPathComponent)
        #expect(try Data(contentsOf: recorded) == Data(contentsOf: URL(filePath: path)), "\(path)")
      }
    }
  }

  @Test(
    arguments: carriedGoldens("hybrid") + carriedGoldens("ahead") + carriedGoldens("connectors")
      + goldens("vllm-hybrid-manager") + goldens("vllm-v1-more"))
  func vllmV1WithGroups(path: String) throws {
    let report = try replay(try GoldenFile(path: path))
    #expect(report.passes, "\(report.line)")
  }
}
