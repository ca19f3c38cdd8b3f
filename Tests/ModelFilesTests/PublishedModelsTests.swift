import CostModel
import Foundation
import Messages
import Testing

@testable import ModelFiles

/// Models that are known by their published configurations.
@Suite struct PublishedModelsTests {
  /// What the tool carries of a configuration makes the same model as the whole file.
  @Test(.enabled(if: !configPaths.isEmpty), arguments: configPaths)
  func modelsAreThoseOfTheirFiles(path: String) throws {
    let stem = URL(filePath: path).lastPathComponent.dropLast("_config.json".count)
    let id = String(stem.replacing("--", with: "/", maxReplacements: 1))
    let listed = try #require(PublishedModels.all.first { $0.id == id })
    var expected = try ModelFile.read(path: path)
    var found = listed.make()
    #expect(found.aliases == [id])
    (found.name, found.aliases) = ("", [])
    (expected.name, expected.origin) = ("", nil)
    #expect(found == expected)
  }

  @Test func everyIdIsFoundInAnyCaseAndWithoutItsOwner() throws {
    for listed in PublishedModels.all + RecalledModels.all {
      let model = try ModelFile.find(listed.id)
      #expect(try ModelFile.find(listed.id.uppercased()) == model)
      #expect(try ModelFile.find(listed.names[1]) == model)
      // Results name it, and are made again by that name.
      #expect(try ModelFile.find(model.reference) == model)
    }
  }

  @Test func namesAndIdsAreNotTwice() {
    let names = ModelFile.all.map(\.name)
    #expect(Set(names).count == names.count)
    let ids = (PublishedModels.all + RecalledModels.all).map(\.id)
    #expect(Set(ids).count == ids.count)
  }

  /// Name typed, the model's name, and how most of its matrices are stored.
  @Test(
    arguments: [
      ("Qwen/Qwen3-0.6B", "qwen3-0.6b", "bfloat16"),
      ("qwen3-coder-480b-a35b", "qwen3-coder-480b-a35b-instruct", "bfloat16"),
      ("meta-llama/Llama-4-Scout-17B-16E", "llama-4-scout-17b-16e-instruct", "bfloat16"),
      ("zai-org/GLM-5-FP8", "glm-5-fp8", "fp8"),
      // A quantized copy of a model of which only the original is known.
      ("someone/GLM-5.1-AWQ", "glm-5.1", "int4"),
      ("Qwen/Qwen3.5-397B-A17B-FP8", "qwen3.5-397b-a17b", "fp8"),
      ("nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B", "nvidia-nemotron-3-nano-30b-a3b-bf16", "bfloat16"),
      // The catalogue has it under this very id.
      ("Qwen/Qwen3-32B", "qwen3-32b", "bfloat16"),
      // Recalled, and what people and other publishers append.
      ("Qwen/Qwen2.5-Coder-32B-Instruct-AWQ", "qwen2.5-coder-32b", "int4"),
      ("zai-org/GLM-4.6-FP8", "glm-4.6", "fp8"),
      ("RedHatAI/Qwen3-14B-quantized.w4a16", "qwen3-14b", "int4"),
      ("amd/Llama-3.1-405B-Instruct-FP8-KV", "llama-3.1-405b", "fp8"),
      // Published quantized, with parts in 16 bits: not the catalogue's with every matrix narrowed.
      ("Qwen/Qwen3-32B-FP8", "qwen3-32b-fp8", "fp8"),
    ])
  func namesAsTyped(typed: String, name: String, stored: String) throws {
    let model = try ModelFile.find(typed)
    #expect(model.name == name)
    #expect(model.stored.elements.rawValue == stored)
  }

  /// Models of the catalogue that were also published as such agree with their configurations.
  @Test(
    arguments: ModelCatalogue.all.filter { $0.aliases.contains(where: ModelFile.isPublished) })
  func catalogueModelsAreThePublishedOnes(model: ModelSpec) throws {
    let id = try #require(model.aliases.first(where: ModelFile.isPublished))
    let published = try #require(PublishedModels.all.first { $0.id == id }).make()
    #expect(model.layers == published.layers)
    #expect(model.parameters() == published.parameters())
    #expect(model.maxPositions == published.maxPositions)
    #expect(model.stored == published.stored)
  }

  /// Fields from memory come to the parameters that publishers state, as near as published configurations have to come.
  @Test(arguments: RecalledModels.all.map(\.id))
  func recalledModelsHaveThePublishedParameters(id: String) throws {
    let published = try #require(RecalledModels.billions[id])
    let billions = Double(try ModelFile.find(id).parameters()) / 1e9
    #expect(abs(billions / published - 1) < 0.015, "\(billions)")
  }

  @Test func aMistypedNameFindsTheNearest() {
    let mistake = #expect(throws: UserError.self) { try ModelFile.find("kimi-k2.55") }
    #expect(
      mistake?.hint == "did you mean `kimi-k2.5`? `kvplan catalog models` lists all")
  }
}
