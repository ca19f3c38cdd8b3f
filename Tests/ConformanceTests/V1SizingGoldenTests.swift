import Foundation
import Messages
import Testing

@testable import Conformance

/// Four configurations worked out by hand: two groups of windows beside one of layers that keep everything, the same in
/// too little memory, with and without a shorter length, and attention beside a state.
@Suite struct V1SizingGoldenTests {
  static let text = {
    let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Goldens/sizing-four.json")
    return (try? String(contentsOf: file, encoding: .utf8)) ?? ""
  }()

  static let recorded = {
    let path = goldenFolder.appending(path: "vllm-v1-more/sizing/sizing.json").path
    return FileManager.default.fileExists(atPath: path) ? [path] : []
  }()

  @Test(arguments: recorded) func recordedConfigurationsAreEqual(_ path: String) throws {
    #expect(try replay(path: path).line == "PASS sizing 22 configurations")
  }

  /// - Returns: The line of the report, or the message without the name of the folder.
  private func line(_ text: String) throws -> String {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "four.json").path
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    do {
      return try replay(path: path).line
    } catch let error as UserError {
      return error.message.replacingOccurrences(of: folder.path + "/", with: "")
    }
  }

  /// The same with one text replaced in one configuration (1-based).
  private func line(_ configuration: Int, _ old: String, _ new: String) throws -> String {
    var lines = Self.text.components(separatedBy: "\n")
    let changed = lines[configuration].replacingOccurrences(of: old, with: new)
    try #require(changed != lines[configuration], "`\(old)` is not in \(configuration)")
    lines[configuration] = changed
    return try line(lines.joined(separator: "\n"))
  }

  @Test func theHandmadeGoldenPasses() throws {
    #expect(try line(Self.text) == "PASS four 4 configurations")
  }

  /// A change of any field is found, and named.
  @Test(arguments: [
    (
      1, #""block_size": 4, "page_bytes": 32}]"#, #""block_size": 4, "page_bytes": 33}]"#,
      "1: two-windows full page_bytes expected 33, got 32"
    ),
    (
      4, #""mamba_block_size": 16"#, #""mamba_block_size": 32"#,
      "4: state mamba_block_size expected 32, got 16"
    ),
    (
      4, #""mamba_page_size_padded": 128"#, #""mamba_page_size_padded": 64"#,
      "4: state mamba_page_size_padded expected 64, got 128"
    ),
    (
      4, #""attention_block_size": 16"#, #""attention_block_size": 48"#,
      "4: state attention_block_size expected 48, got 16"
    ),
    (
      1, #""concurrent_batches": 2"#, #""concurrent_batches": 1"#,
      "1: two-windows max_in_flight_tokens expected 16, got 8"
    ),
    (
      1, #""layers": [0, 3]"#, #""layers": [0, 4]"#,
      "1: two-windows group 0 layers expected [0, 4], got [0, 3]"
    ),
    (
      1, #""kind": "full", "uniform_type": false"#, #""kind": "full", "uniform_type": true"#,
      "1: two-windows group 2 uniform_type expected true, got false"
    ),
    (
      1, #"{"kind": "full", "uniform_type""#, #"{"kind": "mla", "uniform_type""#,
      "1: two-windows group 2 kind expected mla, got full"
    ),
    (
      1, #""page_bytes_sum": 64, "blocks_per_max_len_request": 6"#,
      #""page_bytes_sum": 32, "blocks_per_max_len_request": 6"#,
      "1: two-windows group 2 page_bytes_sum expected 32, got 64"
    ),
    (
      1, #""blocks_per_max_len_request": 7"#, #""blocks_per_max_len_request": 6"#,
      "1: two-windows group 0 blocks_per_max_len_request expected 6, got 7"
    ),
    (
      1, #""draft": false"#, #""draft": true"#,
      "1: two-windows group 0 draft expected true, got false"
    ),
    (
      1, #""num_blocks": 31"#, #""num_blocks": 30"#, "1: two-windows num_blocks expected 30, got 31"
    ),
    (
      1, #""bytes_per_block": 64"#, #""bytes_per_block": 96"#,
      "1: two-windows bytes_per_block expected 96, got 64"
    ),
    (
      1, #""scheduler_block_size": 4"#, #""scheduler_block_size": 8"#,
      "1: two-windows scheduler_block_size expected 8, got 4"
    ),
    (
      1, #""hash_block_size": 4"#, #""hash_block_size": 2"#,
      "1: two-windows hash_block_size expected 2, got 4"
    ),
    (
      1, #""blocks_per_max_len_request": 20"#, #""blocks_per_max_len_request": 21"#,
      "1: two-windows blocks_per_max_len_request expected 21, got 20"
    ),
    (
      1, #""max_concurrency": 1.55"#, #""max_concurrency": 1.5"#,
      "1: two-windows max_concurrency expected 1.5, got 1.55"
    ),
    (
      1, #""kv_cache_size_tokens": 37"#, #""kv_cache_size_tokens": 38"#,
      "1: two-windows kv_cache_size_tokens expected 38, got 37"
    ),
    (
      1, #""available_memory": 2000"#, #""available_memory": 1000"#,
      "1: two-windows error expected none, got ValueError"
    ),
    (
      2, #""available_memory": 1000"#, #""available_memory": 2000"#,
      "2: too-small error expected ValueError, got none"
    ),
    (
      2, #""estimated_max_model_len": 16"#, #""estimated_max_model_len": 17"#,
      "2: too-small estimated_max_model_len expected 17, got 16"
    ),
    (2, "at least one request", "", "2: too-small text expected false, got true"),
    (
      3, #""num_blocks": 15, "bytes_per_block": 64, "max_model_len": 16"#,
      #""num_blocks": 15, "bytes_per_block": 64, "max_model_len": 24"#,
      "3: autofit max_model_len expected 24, got 16"
    ),
  ])
  func aChangedFieldIsNamed(
    _ configuration: Int, _ old: String, _ new: String, _ expected: String
  ) throws {
    #expect(try line(configuration, old, new) == "DIVERGES four configuration " + expected)
  }

  @Test func whatCannotBeReadIsRefused() throws {
    #expect(
      try line("[{\"name\": ") == "four.json: not a list of sizing records (is the file cut off?)")
    #expect(try line("[]") == "four.json: not a list of sizing records (is the file cut off?)")
    #expect(
      try line(1, #""notes": """#, #""mood": """#)
        == "four.json:1: unknown field `mood` in `sizing`")
    #expect(
      try line(4, #""mode": "align""#, #""mode": "all""#)
        == "four.json:4: unknown mode `all` of states")
    #expect(
      try line(1, #""layout": "LBNHC""#, #""layout": "LHC""#)
        == "four.json:1: unknown layout `LHC`")
    #expect(
      try line(1, #""layers": [[2, 0]"#, #""layers": [[2, 2]"#)
        == "four.json:1: `layers` must be lists of a count and one of 2 kinds")
  }
}
