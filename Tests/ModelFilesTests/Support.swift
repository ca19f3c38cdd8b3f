import Foundation

/// Where published configurations lie when they are at hand; the repository does not carry them.
let configFolder = URL(filePath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  .appending(path: "../shared/data/model-configs").standardizedFileURL

/// The paths of all of them, in order.
let configPaths: [String] = {
  let files = (try? FileManager.default.contentsOfDirectory(atPath: configFolder.path)) ?? []
  return files.filter { $0.hasSuffix("_config.json") && !$0.contains("hf_quant") }.sorted()
    .map { configFolder.appending(path: $0).path }
}()
