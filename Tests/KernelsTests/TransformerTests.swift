import CostModel
import KVMemory
import Kernels
import SimulationKernel
import Testing

/// Whole models against their definition.
@Suite struct TransformerTests {
  /// Both structures, cut short: the definition takes its time.
  static let models = ["toy-1m", "toy-opt-1m"].compactMap { name in
    ModelCatalogue.toys.first { $0.name == name }
  }.map { model in
    var model = model
    model.layers = model.layers[0..<2]
    model.vocab = 64
    return model
  }

  /// Logits of single precision agree with the definition, whether a prompt comes whole, in chunks or
  /// token by token, through blocks of any order.
  @Test(arguments: models, [1, 5, 13])
  func logitsAgreeWithTheDefinition(model: ModelSpec, chunk: Int) {
    var random = RandomStream(seed: 5, label: "tokens")
    let tokens = (0..<13).map { _ in Int32(random.below(64)) }
    let transformer = Transformer(model, seed: 3)
    let arena = KVArena(
      layers: model.layers.count, kvHeads: model.kvHeads, headDim: model.headDim, blockSize: 4,
      blocks: 6)
    var workspace = Workspace(model)
    var logits: [Double] = []
    for start in stride(from: 0, to: tokens.count, by: chunk) {
      let end = min(start + chunk, tokens.count)
      let run = TokenRun(
        tokens: tokens[start..<end], firstPosition: start, table: [4, 0, 5, 2], logits: 1)
      let row = transformer.compute([run], arena: arena, workspace: &workspace)
      logits = (0..<model.vocab).map { Double(row[$0]) }
    }
    let expected = NaiveTransformer(model, seed: 3).logits(tokens)
    let error = zip(logits, expected).map { abs($0 - $1) }.max() ?? 1
    #expect(error < 1e-5, "\(model.name)")
    #expect((expected.max() ?? 0) > 0.5)
  }

  @Test func bothStructuresAreTested() { #expect(Self.models.map(\.family) == [.llama, .opt]) }
}
