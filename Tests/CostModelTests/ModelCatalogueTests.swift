import CostModel
import Messages
import Testing

/// A row of the reference table: published parameters in billions, KV bytes of a token.
struct Published: Sendable {
  var name: String
  var billions: Double
  var kvBytes: Int

  static let all: [Published] = [
    .init(name: "opt-13b", billions: 12.85, kvBytes: 819_200),
    .init(name: "opt-66b", billions: 65.7, kvBytes: 2_359_296),
    .init(name: "opt-175b", billions: 175, kvBytes: 4_718_592),
    .init(name: "llama-13b", billions: 13.02, kvBytes: 819_200),
    .init(name: "llama-2-7b", billions: 6.74, kvBytes: 524_288),
    .init(name: "llama-2-13b", billions: 13.02, kvBytes: 819_200),
    .init(name: "llama-2-70b", billions: 68.98, kvBytes: 327_680),
    .init(name: "llama-3-8b", billions: 8.03, kvBytes: 131_072),
    .init(name: "llama-3-70b", billions: 70.55, kvBytes: 327_680),
    .init(name: "llama-3.1-8b", billions: 8.03, kvBytes: 131_072),
    .init(name: "llama-3.1-70b", billions: 70.55, kvBytes: 327_680),
    .init(name: "llama-3.1-405b", billions: 405.8, kvBytes: 516_096),
    .init(name: "mistral-7b", billions: 7.24, kvBytes: 131_072),
    .init(name: "mixtral-8x7b", billions: 46.7, kvBytes: 131_072),
    .init(name: "llama-3.2-3b", billions: 3.21, kvBytes: 114_688),
    .init(name: "mistral-small-3.2-24b", billions: 24.0, kvBytes: 163_840),
    .init(name: "qwen-14b", billions: 14.2, kvBytes: 819_200),
    .init(name: "qwen2.5-0.5b", billions: 0.494, kvBytes: 12_288),
    .init(name: "qwen2.5-1.5b", billions: 1.54, kvBytes: 28_672),
    .init(name: "qwen3-14b", billions: 14.8, kvBytes: 163_840),
    .init(name: "qwen3-next-80b-a3b", billions: 79.7, kvBytes: 24_576),
    .init(name: "phi-3-mini-128k", billions: 3.82, kvBytes: 393_216),
    .init(name: "phi-4", billions: 14.7, kvBytes: 204_800),
    .init(name: "chatglm2-6b-32k", billions: 6.24, kvBytes: 28_672),
    .init(name: "qwen2.5-7b", billions: 7.62, kvBytes: 57_344),
    .init(name: "qwen2.5-72b", billions: 72.7, kvBytes: 327_680),
    .init(name: "qwen3-8b", billions: 8.19, kvBytes: 147_456),
    .init(name: "qwen3-32b", billions: 32.8, kvBytes: 262_144),
    .init(name: "qwen3-30b-a3b", billions: 30.5, kvBytes: 98_304),
    .init(name: "qwen3-235b-a22b", billions: 235, kvBytes: 192_512),
    .init(name: "gemma-2-2b", billions: 2.61, kvBytes: 106_496),
    .init(name: "gemma-2-9b", billions: 9.24, kvBytes: 344_064),
    .init(name: "gemma-2-27b", billions: 27.2, kvBytes: 376_832),
    .init(name: "gemma-3-1b", billions: 1.0, kvBytes: 26_624),
    // Gemma-3 from 4B up: less the vision tower of 0.42 B, which the specification leaves out.
    .init(name: "gemma-3-4b", billions: 4.3 - 0.42, kvBytes: 139_264),
    .init(name: "gemma-3-12b", billions: 12.2 - 0.42, kvBytes: 393_216),
    .init(name: "gemma-3-27b", billions: 27.4 - 0.42, kvBytes: 507_904),
    .init(name: "phi-3-mini-4k", billions: 3.82, kvBytes: 393_216),
    .init(name: "phi-3-medium-4k", billions: 14.0, kvBytes: 204_800),
    .init(name: "yi-6b-200k", billions: 6.06, kvBytes: 65_536),
    .init(name: "yi-34b-200k", billions: 34.4, kvBytes: 245_760),
    .init(name: "deepseek-v2-lite", billions: 15.7, kvBytes: 31_104),
    .init(name: "deepseek-v2", billions: 236, kvBytes: 69_120),
    .init(name: "deepseek-v3", billions: 671, kvBytes: 70_272),
    .init(name: "gpt-oss-20b", billions: 20.9, kvBytes: 49_152),
    .init(name: "gpt-oss-120b", billions: 116.8, kvBytes: 73_728),
  ]
}

@Suite struct ModelCatalogueTests {
  @Test func everyModelIsChecked() {
    #expect(Published.all.map(\.name).sorted() == ModelCatalogue.all.map(\.name).sorted())
  }

  @Test(arguments: Published.all)
  func parametersAgreeWithThePublishedCount(_ published: Published) throws {
    let model = try ModelCatalogue.find(published.name)
    let billions = Double(model.parameters()) / 1e9
    #expect(abs(billions / published.billions - 1) < 0.015, "\(published.name): \(billions)")
    #expect(model.kvBytesPerToken() == published.kvBytes)
    if model.stored == .bfloat16 { #expect(model.weightBytes() == 2 * model.parameters()) }
  }

  @Test(arguments: [
    ("mixtral-8x7b", 12.9), ("qwen3-30b-a3b", 3.3), ("qwen3-235b-a22b", 22.0),
    ("deepseek-v2", 21.0), ("deepseek-v3", 37.0), ("llama-3-8b", 8.03),
  ])
  func activeParametersAgreeWithThePublishedCount(_ name: String, _ published: Double) throws {
    let billions = Double(try ModelCatalogue.find(name).activeParameters) / 1e9
    #expect(abs(billions / published - 1) < 0.02, "\(name): \(billions)")
  }

  @Test func namesAndAliasesAreUnique() {
    let names = ModelCatalogue.all.flatMap { [$0.name] + $0.aliases }.map { $0.lowercased() }
    #expect(Set(names).count == names.count)
    #expect(ModelCatalogue.all.allSatisfy { $0.name == $0.name.lowercased() })
  }

  @Test(arguments: [
    ("facebook/opt-13b", "opt-13b"), ("OPT-13B", "opt-13b"),
    ("meta-llama/Llama-3.1-8B", "llama-3.1-8b"), ("meta-llama/Meta-Llama-3.1-8B", "llama-3.1-8b"),
    ("meta-llama/llama-3.1-70b", "llama-3.1-70b"), ("Qwen/Qwen3-32B", "qwen3-32b"),
    ("meta-llama/Llama-3.1-8B-Instruct", "llama-3.1-8b"),
  ])
  func aliasesFindTheirModel(_ alias: String, _ name: String) throws {
    #expect(try ModelCatalogue.find(alias).name == name)
  }

  /// What people type: the owner or not, any letter case, what publishers append.
  @Test(arguments: [
    ("Qwen3-32B-FP8", "qwen3-32b", ElementType.fp8), ("Qwen/Qwen3-8B-AWQ", "qwen3-8b", .int4),
    ("nvidia/Llama-3.1-70B-Instruct-FP8", "llama-3.1-70b", .fp8),
    ("RedHatAI/Meta-Llama-3.1-8B-Instruct-FP8-dynamic", "llama-3.1-8b", .fp8),
    ("hugging-quants/Meta-Llama-3.1-70B-Instruct-GPTQ-INT4", "llama-3.1-70b", .int4),
    ("nvidia/Qwen3-235B-A22B-NVFP4", "qwen3-235b-a22b", .nvfp4),
    ("qwen3-8b-bf16", "qwen3-8b", .bfloat16), ("deepseek-ai/DeepSeek-R1-0528", "deepseek-v3", nil),
    ("mistralai/Mistral-7B-Instruct-v0.1", "mistral-7b", nil),
    ("meta-llama/Llama-3.3-70B-Instruct", "llama-3.3-70b", nil),
    ("deepseek-ai/DeepSeek-R1-Distill-Llama-70B", "deepseek-r1-distill-llama-70b", nil),
    ("Qwen/Qwen3-30B-A3B-Instruct-2507-FP8", "qwen3-30b-a3b-instruct-2507", .fp8),
    ("LMSYS/vicuna-13b-v1.5", "vicuna-13b", nil),
    ("amd/Llama-3.3-70B-Instruct-MXFP4-Preview", "llama-3.3-70b", .int4),
    ("unsloth/Meta-Llama-3.1-8B-Instruct-unsloth-bnb-4bit", "llama-3.1-8b", .int4),
    ("Intel/Qwen3-32B-int4-AutoRound", "qwen3-32b", .int4),
    ("cpatonn/Qwen3-8B-AWQ-8bit", "qwen3-8b", .int8),
  ])
  func namesAreReadAsTheyAreTyped(_ typed: String, _ name: String, _ weights: ElementType?) throws {
    let named = try ModelCatalogue.named(typed)
    #expect(named.model.name == name)
    #expect(named.weights == weights)
  }

  /// A twin has the shape of its model, and its own longest context.
  @Test func twinsHaveTheShapeOfTheirModel() throws {
    let twin = try ModelCatalogue.find("Qwen/Qwen3-30B-A3B-Instruct-2507")
    let base = try ModelCatalogue.find("qwen3-30b-a3b")
    #expect(twin.layers == base.layers && twin.parameters() == base.parameters())
    #expect((twin.maxPositions, base.maxPositions) == (262_144, 40_960))
  }

  @Test func aNameThatSaysHowWeightsAreStoredIsPointedOut() {
    let error = #expect(throws: UserError.self) { try ModelCatalogue.find("Qwen/Qwen3-32B-FP8") }
    #expect(
      error?.description == """
        error: `Qwen/Qwen3-32B-FP8` is `qwen3-32b` with fp8 weights

        hint: give `--model qwen3-32b --quantization fp8`
        """)
  }

  /// Another size or generation is no help.
  @Test(arguments: [
    ("meta-llama/Llama-3.2-1B", nil), ("meta-llama/Llama-4-Scout-17B-16E-Instruct", nil),
    ("Qwen/Qwen2.5-32B", "qwen3-32b"), ("llama-3-7b", "llama-2-7b"), ("gemma-3-26b", "gemma-3-27b"),
    ("mixtral-8x7", "mixtral-8x7b"),
  ])
  func hintsNameTheSameFamilyAndSize(_ typed: String, _ near: String?) {
    let error = #expect(throws: UserError.self) { try ModelCatalogue.named(typed) }
    let listing = "`kvplan catalog models` lists all"
    #expect(
      error?.hint
        == (near.map { "did you mean `\($0)`? \(listing)" }
          ?? listing + "; any other model is read from the path of its `config.json`"))
  }

  @Test func anUnknownModelNamesTheNearest() throws {
    let error = #expect(throws: UserError.self) { try ModelCatalogue.find("opt-14b") }
    #expect(
      error?.description == """
        error: unknown model `opt-14b`

        hint: did you mean `opt-13b`? `kvplan catalog models` lists all
        """)
    let strange = #expect(throws: UserError.self) { try ModelCatalogue.find("gpt-4") }
    #expect(
      strange?.description == """
        error: unknown model `gpt-4`

        hint: `kvplan catalog models` lists all; any other model is read from the path of its `config.json`
        """)
  }
}
