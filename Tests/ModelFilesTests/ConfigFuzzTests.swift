import CostModel
import Foundation
import Messages
import SimulationKernel
import Testing

@testable import ModelFiles

/// Configurations with a field deleted, retyped or garbled are read to a model whose numbers are positive, or refused by
/// a message: nothing traps.
@Suite struct ConfigFuzzTests {
  /// Values that no field of a model has, or only some have.
  private static var garbage: [Any] {
    [
      0, -1, 1, 3, 7, 64, 4096, Int.max, Int.min, 1 << 31, 0.5, -2.5, 1e300, true, false, "",
      "seven", "float32",
      "\u{1B}[31m", NSNull(), [Any](), [1], [-1, 5], ["full_attention"], [String: Any](),
      ["factor": 1e9],
    ]
  }

  private static let seeds = Array(0..<12)

  /// Replaces or removes one field, at any depth.
  private func garbled(_ object: [String: Any], _ random: inout RandomStream) -> [String: Any] {
    var object = object
    let names = object.keys.sorted()
    guard !names.isEmpty else { return object }
    let name = names[random.below(names.count)]
    if let inner = object[name] as? [String: Any], random.below(4) > 0 {
      object[name] = garbled(inner, &random)
    } else if let list = object[name] as? [[String: Any]], !list.isEmpty, random.below(4) > 0 {
      var list = list
      let index = Int(random.below(list.count))
      list[index] = garbled(list[index], &random)
      object[name] = list
    } else if random.below(4) == 0 {
      object[name] = nil
    } else {
      object[name] = Self.garbage[random.below(Self.garbage.count)]
    }
    return object
  }

  private func check(_ object: [String: Any], folder: URL, seed: Int) throws {
    let file = folder.appending(path: "config.json")
    try JSONSerialization.data(withJSONObject: object).write(to: file)
    do {
      let model = try ModelFile.read(path: file.path)
      #expect(
        model.parameters() > 0 && model.kvBytesPerToken() > 0 && model.maxPositions > 0,
        "seed \(seed)")
      for elements in ElementType.allCases {
        #expect(model.weightBytes(tensorParallel: 1, elements: elements) > 0, "seed \(seed)")
      }
      let cache = KVCacheSpec(model, tensorParallel: 1, elements: .bfloat16, blockTokens: 16)
      #expect(cache.blockBytes > 0, "seed \(seed)")
      _ = model.artifactActivationBytes(tokens: 8192, tensorParallel: 1)
    } catch let mistake as UserError {
      #expect(mistake.message.contains("config.json"), "seed \(seed): \(mistake)")
      #expect(!mistake.message.contains("\u{1B}"), "seed \(seed)")
    }
  }

  @Test(arguments: fuzzBases)
  func nothingTraps(base: FuzzBase) throws {
    let object = try #require(
      try JSONSerialization.jsonObject(with: base.data()) as? [String: Any])
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "kvplan-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for seed in Self.seeds {
      var random = RandomStream(seed: UInt64(seed), label: "configurations")
      var copy = object
      for _ in 0...Int(random.below(3)) {
        copy = garbled(copy, &random)
        try check(copy, folder: folder, seed: seed)
      }
    }
  }
}

/// What the garbling starts from: a configuration made here, or a published one where these are at hand.
struct FuzzBase: Sendable, CustomTestStringConvertible {
  var name: String
  var text: String?

  func data() throws -> Data {
    if let text { return Data(text.utf8) }
    return try Data(contentsOf: URL(filePath: name))
  }

  var testDescription: String { (name as NSString).lastPathComponent }
}

let fuzzBases =
  [
    FuzzBase(name: "handmade", text: HandmadeConfig.llama),
    FuzzBase(name: "gemma-3", text: HandmadeConfig.gemma),
  ]
  + onePathEach.map { FuzzBase(name: $0) }

/// The first published configuration of each architecture.
private let onePathEach: [String] = {
  var seen: Set<String> = []
  return configPaths.filter { path in
    guard let data = FileManager.default.contents(atPath: path),
      let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any],
      let name = (object["architectures"] as? [String])?.first
    else { return false }
    return seen.insert(name).inserted
  }
}()
