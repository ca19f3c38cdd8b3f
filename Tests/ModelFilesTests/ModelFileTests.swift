import CostModel
import Foundation
import KVMemory
import Messages
import Testing

@testable import ModelFiles

@Suite struct ModelFileTests {
  /// Reads a configuration from a file of that name, in a folder of its own.
  private func read(
    _ text: String, file: String = "config.json", quantization: String? = nil
  ) throws -> ModelSpec {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "kvplan-\(UUID().uuidString)/My-Model")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder.deletingLastPathComponent()) }
    try Data(text.utf8).write(to: folder.appending(path: file))
    if let quantization {
      let beside = file.replacingOccurrences(of: "config.json", with: "hf_quant_config.json")
      try Data(quantization.utf8).write(to: folder.appending(path: beside))
    }
    do { return try ModelFile.read(path: folder.appending(path: file).path) } catch {
      guard var mistake = error as? UserError else { throw error }
      mistake.message = mistake.message.replacingOccurrences(of: folder.path, with: "DIR")
      throw mistake
    }
  }

  private func message(_ text: String, quantization: String? = nil) -> String? {
    do {
      _ = try read(text, quantization: quantization)
      return nil
    } catch { return (error as? UserError)?.message }
  }

  // MARK: Shapes

  @Test func layersFollowFromTheFields() throws {
    let model = try read(HandmadeConfig.llama)
    #expect(
      model.layers.runs == [
        .init(
          ModelLayer(.heads(.init(query: 8, kv: 2, dim: 32), .all), .dense(width: 512)), count: 3)
      ])
    #expect(model.kvBytesPerToken() == 3 * 2 * 2 * 32 * 2)
    #expect(model.maxPositions == 4096 && model.aliases.isEmpty && model.stored == .bfloat16)
    let layer = 256 * (8 + 2 * 2) * 32 + 8 * 32 * 256 + 3 * 256 * 512 + 2 * 256
    #expect(model.parameters() == 3 * layer + 256 + 2 * 1000 * 256)
  }

  @Test func familiesLeaveFieldsOut() throws {
    let model = try read(HandmadeConfig.gemma)
    #expect(model.layers.runs.map(\.count) == [5, 1, 1])
    #expect(model.kvHeads == 4 && model.headDim == 256 && model.vocab == 262_208)
    #expect(model.tiedEmbeddings && model.maxPositions == 131_072)
    #expect(model.besideLayers == 2 * (4 * 64 * 64 + 2 * 64 * 128) + 3 * 14 * 14 * 64)
  }

  @Test func aModelHasAName() throws {
    #expect(try read(HandmadeConfig.llama).name == "my-model")
    #expect(try read(HandmadeConfig.llama, file: "Org--Some.7B_config.json").name == "org--some.7b")
    let own = HandmadeConfig.llama("\"_name_or_path\": \"org/Own Name\"")
    #expect(try read(own).name == "own-name")
    #expect(try read(own).identity != read(HandmadeConfig.llama).identity)
  }

  // MARK: Quantization

  private func bytes(_ model: ModelSpec) -> Int {
    model.weightBytes(tensorParallel: 1, elements: model.stored.elements)
  }

  @Test func modulesStayInSixteenBits() throws {
    let (attention, mlp) = (256 * (8 + 2 * 2) * 32 + 8 * 32 * 256, 3 * 256 * 512)
    let rest = 2 * 1000 * 256 * 2
    let norms = 3 * 2 * 256 + 256
    func config(_ kept: String) -> String {
      HandmadeConfig.llama(
        "\"quantization_config\": {\"quant_method\": \"fp8\", \"modules_to_not_convert\": \(kept)}")
    }
    let all = try read(config("[\"lm_head\"]"))
    #expect(all.stored.elements == .fp8)
    #expect(bytes(all) == rest + norms + 3 * (attention + mlp))
    for kept in [
      "[\"model.layers.1.self_attn\"]", "[\"model.language_model.layers.1.self_attn*\"]",
      "[\"re:.*layers\\\\.1\\\\.self_attn.*\"]",
    ] {
      #expect(bytes(try read(config(kept))) == bytes(all) + attention, "\(kept)")
    }
    #expect(bytes(try read(config("[\"mlp\"]"))) == bytes(all) + 3 * mlp)
    #expect(bytes(try read(config("[\"model.layers.1*\"]"))) == bytes(all) + attention + mlp)
  }

  @Test func theFileBesideWins() throws {
    let model = try read(
      HandmadeConfig.llama,
      quantization:
        "{\"quantization\": {\"quant_algo\": \"NVFP4\", \"exclude_modules\": [\"lm_head\"]}}")
    #expect(model.stored == WeightFormat(.nvfp4))
  }

  @Test(arguments: [
    ("{\"quant_method\": \"awq\", \"bits\": 4, \"group_size\": 128}", ElementType.int4, 0.51953125),
    ("{\"quant_method\": \"gptq\", \"bits\": 8, \"group_size\": -1}", .int8, 1),
    ("{\"quant_method\": \"mxfp4\"}", .int4, 0.53125),
    (
      "{\"quant_method\": \"compressed-tensors\", \"config_groups\": {\"group_0\": {\"weights\": "
        + "{\"num_bits\": 4, \"type\": \"int\", \"group_size\": 32}}}}", .int4, 0.5625
    ),
    (
      "{\"quant_method\": \"compressed-tensors\", \"config_groups\": {\"group_0\": {\"weights\": {\"num_bits\": 4, "
        + "\"type\": \"int\", \"group_size\": 128, \"symmetric\": false}}}}", .int4, 0.51953125
    ),
  ])
  func quantizationsAreKnown(json: String, elements: ElementType, bytes: Double) throws {
    let model = try read(HandmadeConfig.llama("\"quantization_config\": \(json)"))
    #expect(model.stored.elements == elements)
    #expect(model.stored.bytes == bytes)
  }

  // MARK: Mistakes

  @Test func mistakesNameFileFieldAndValue() {
    func llama(_ old: String, _ new: String) -> String {
      HandmadeConfig.llama.replacingOccurrences(of: old, with: new)
    }
    #expect(
      message(llama("\"num_hidden_layers\": 3", "\"num_hidden_layers\": -3"))
        == "DIR/config.json: `num_hidden_layers` must be a whole number from 1 to 2000, found `-3`")
    #expect(
      message(llama("\"num_hidden_layers\": 3,", ""))
        == "DIR/config.json: `num_hidden_layers` is missing")
    #expect(
      message(llama("\"num_key_value_heads\": 2", "\"num_key_value_heads\": 3"))
        == "DIR/config.json: `num_attention_heads` 8 is no multiple of `num_key_value_heads` 3")
    #expect(
      message(llama("\"hidden_size\": 256", "\"hidden_size\": \"wide\""))
        == "DIR/config.json: `hidden_size` must be a whole number from 1 to 262144, found `wide`")
    #expect(
      message(HandmadeConfig.llama("\"quantization_config\": {\"quant_method\": \"aqlm\"}"))
        == "DIR/config.json: `quantization_config.quant_method` is a quantization that is not known, "
        + "found `aqlm`")
    #expect(message("[]") == "DIR/config.json: must hold an object, found `a list of 0`")
    #expect(message("{") == "DIR/config.json: not a JSON file")
  }

  /// A fault behind bytes that are no UTF-8, over which Foundation's reader of JSON5 ends the program.
  @Test func bytesThatAreNoTextAreRefused() throws {
    let file = FileManager.default.temporaryDirectory
      .appending(path: "kvplan-\(UUID().uuidString).json")
    defer { try? FileManager.default.removeItem(at: file) }
    let bytes = Array(#"{"name": "mine","#.utf8) + [0x85, 0x85] + Array(#" "cores": 1}"#.utf8)
    try Data(bytes).write(to: file)
    let mistake = #expect(throws: UserError.self) {
      try ModelFile.fields(file.path, of: "a device")
    }
    #expect(mistake?.message == "\(file.path): not a JSON file" && mistake?.hint == "give a device")
  }

  @Test func anUnknownArchitectureIsNamed() throws {
    let text = HandmadeConfig.llama.replacingOccurrences(of: "LlamaFor", with: "LlamasFor")
    let mistake = #expect(throws: UserError.self) { try read(text) }
    #expect(
      mistake?.message == "DIR/config.json: the architecture `LlamasForCausalLM` is not known")
    let count = Architecture.all.flatMap(\.names).count
    #expect(
      mistake?.hint == "the nearest is `LlamaForCausalLM`; docs/MODELS.md has the \(count) that are"
    )
  }

  @Test func aCatalogueNameIsNoFile() throws {
    #expect(try ModelFile.find("meta-llama/Llama-3.1-8B").name == "llama-3.1-8b")
    let mistake = #expect(throws: UserError.self) { try ModelFile.find("llama-3.1-9b") }
    #expect(mistake?.message == "unknown model `llama-3.1-9b`")
    let missing = #expect(throws: UserError.self) { try ModelFile.find("nowhere/config.json") }
    #expect(missing?.message == "cannot read `nowhere/config.json`: no such file")
  }

  /// A folder named as a model of the catalogue is meant where a path is given.
  @Test func aPathIsNoName() throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "kvplan-\(UUID().uuidString)/Qwen3-32B-FP8")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder.deletingLastPathComponent()) }
    let empty = #expect(throws: UserError.self) { try ModelFile.find(folder.path) }
    #expect(
      empty?.message
        == "`\(folder.path)` is neither a model of the catalogue nor a folder with a `config.json`")
    try Data(HandmadeConfig.llama.utf8).write(to: folder.appending(path: "config.json"))
    #expect(try ModelFile.find(folder.path).layers.count == 3)
    #expect(try ModelFile.find("Qwen/Qwen3-32B-FP8").stored.elements == .fp8)
  }

  @Test(arguments: configPaths) func everyPublishedConfigurationIsRead(path: String) throws {
    let model = try ModelFile.read(path: path)
    #expect(model.parameters() > 500_000_000)
    #expect(model.kvBytesPerToken() > 0)
  }
}
