import Foundation
import Messages
import Planning
import TraceFiles

/// What people have of a server and of its load, told apart by content.
package enum ServerFile {
  /// What a file is that holds no run of a server: the start of an engine's log, or a trace; `nil` where it is not known.
  static func mistaken(_ path: String, _ bytes: [UInt8]) -> UserError? {
    let name = URL(filePath: path).lastPathComponent
    let text = String(decoding: bytes, as: UTF8.self)
    // Requests with their times are no trace, whatever is wrong with them.
    if text.prefix(while: { !$0.isNewline }).contains("last_token_") { return nil }
    if statesPool(text, name) {
      return UserError(
        "\(name): the start of an engine's log: it says how large the KV cache is, and nothing of requests",
        hint: "give it as `--kv-cache-from-log`, beside a result, metrics pages or the log of a run"
      )
    }
    var options = TraceReadOptions()
    // Of a format that does not say it; no time is looked at.
    options.timestampUnit = .seconds
    let trace =
      (try? TraceReader.read(bytes: bytes, name: name))
      ?? (try? TraceReader.read(bytes: bytes, name: name, options: options))
    // Results with single requests can be served as traces; what is wrong with them is the reader's to say.
    guard let trace, !results.contains(trace.format) else { return nil }
    return UserError(
      "\(name): a trace (`\(trace.format.rawValue)`): what was asked, and not when it was answered",
      hint:
        "`kvplan simulate` serves it; a server's answers are in results of load generators, its metrics and its log"
    )
  }

  /// What a file is that was taken for a trace: an engine's log, its metrics or a summary of a load generator; `nil` where it is
  /// none of them.
  package static func mistakenForTrace(_ path: String) -> UserError? {
    // What can be read once more, and is of the size of a log.
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    guard attributes?[.type] as? FileAttributeType == .typeRegular,
      attributes?[.size] as? Int ?? .max <= 1 << 26, let file = try? UnpackedFile(path: path)
    else { return nil }
    let name = URL(filePath: path).lastPathComponent
    let text = String(decoding: file.bytes, as: UTF8.self)
    let head = text.drop(while: \.isWhitespace)
    if head.first == "{" { return mistakenSummary(name, file.bytes) }
    if ServingLog.isLog(text) || statesPool(text, name) {
      return UserError(
        "\(name): an engine's log, not a trace: it does not say which requests came",
        hint:
          "`kvplan validate server` and `calibrate server` take what it says of a run, `--kv-cache-from-log` its KV cache"
      )
    }
    guard MetricsPage.isPage(head) else { return nil }
    return UserError(
      "\(name): an engine's metrics, not a trace: they do not say which requests came",
      hint: "`kvplan validate server` and `calibrate server` take pages from before and after a run"
    )
  }

  private static func mistakenSummary(_ name: String, _ bytes: [UInt8]) -> UserError? {
    // A summary is some ten kilobytes.
    guard bytes.count <= 1 << 20,
      let object = try? JSONObjects(path: name, bytes: bytes).objects.first,
      ServerRunReading.isSummary(object)
    else { return nil }
    return UserError(
      "\(name): a summary of AIPerf or genai-perf, not a trace: it does not say which requests came",
      hint:
        "`kvplan validate server` and `calibrate server` take it; AIPerf's `profile_export.jsonl` has the requests"
    )
  }

  private static let results: [TraceFormat] = [.vllmBench, .guidellmReport, .aiperfExport]

  private static func statesPool(_ text: String, _ name: String) -> Bool {
    (try? EngineLog(text, name: name))?.statesPool == true
  }
}
