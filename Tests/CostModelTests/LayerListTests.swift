import KVMemory
import SimulationKernel
import Testing

@testable import CostModel

@Suite struct LayerListTests {
  static let heads = ModelLayer.Heads(query: 8, kv: 2, dim: 64)
  static let local = ModelLayer(.heads(heads, .window(tokens: 100)), .dense(width: 1024))
  static let global = ModelLayer(.heads(heads, .all), .dense(width: 1024))
  static let recurrent = ModelLayer(
    .recurrent(.init(stateBytes: 65536, inputWidth: 1536, outputWidth: 512)), .dense(width: 1024))

  static func model(_ layers: LayerList) -> ModelSpec {
    ModelSpec(
      name: "mixed", aliases: [], layers: layers, hidden: 512, vocab: 1000, maxPositions: 4096)
  }

  /// The layers of a list, one letter each.
  static func picture(_ layers: LayerList) -> String {
    layers.runs.map { run in
      String(repeating: run.layer == local ? "L" : "G", count: run.count)
    }.joined()
  }

  @Test func aPatternIsRepeatedAndCutShort() {
    let layers = LayerList.repeating([Self.local, Self.local, Self.global], count: 8)
    #expect(Self.picture(layers) == "LLGLLGLL")
    #expect(layers.count == 8)
    #expect(layers.runs.map(\.count) == [2, 1, 2, 1, 2])
    #expect(layers.kinds.map(\.count) == [6, 2])
    #expect(layers.commonest == Self.local)
    #expect(Self.picture(layers[0..<4]) == "LLGL")
    #expect(layers[0..<20] == layers)
  }

  @Test func equalNeighboursAreOneRun() {
    let one = LayerList([.init(Self.local, count: 3), .init(Self.local, count: 2)])
    #expect(one == LayerList([.init(Self.local, count: 5), .init(Self.global, count: 0)]))
    #expect(one.runs.count == 1)
  }

  /// The published ratios of local to global layers, and where the global ones stand.
  @Test(arguments: [
    ("gemma-2-2b", "LGLGLGLG", 13), ("gemma-3-1b", "LLLLLGLL", 4), ("gemma-3-27b", "LLLLLGLL", 10),
    ("mistral-7b", "LLLLLLLL", 0), ("llama-3.1-8b", "GGGGGGGG", 32),
  ])
  func catalogueModelsHaveTheirLayersInOrder(
    _ name: String, _ first: String, _ globalLayers: Int
  ) throws {
    let layers = try ModelCatalogue.find(name).layers
    func isGlobal(_ layer: ModelLayer) -> Bool {
      if case .heads(_, .all) = layer.attention { true } else { false }
    }
    let picture = layers.runs.map {
      String(repeating: isGlobal($0.layer) ? "G" : "L", count: $0.count)
    }.joined()
    #expect(picture.hasPrefix(first))
    #expect(picture.count { $0 == "G" } == globalLayers)
  }

  /// Weights of a recurrent layer are its two projections; it caches nothing a token.
  @Test func aRecurrentLayerHasWeightsAndNoKeys() {
    let plain = Self.model(LayerList([.init(Self.global, count: 4)]))
    let mixed = Self.model(.repeating([Self.recurrent, Self.global], count: 4))
    let attention = 512 * (8 + 2 * 2) * 64 + 8 * 64 * 512
    let recurrence = 512 * 1536 + 512 * 512
    #expect(mixed.parameters() - plain.parameters() == 2 * (recurrence - attention))
    #expect(mixed.kvBytesPerToken() * 2 == plain.kvBytesPerToken())
    // Both kinds end in a product of 512 by 512, which is one operator.
    #expect(mixed.products(1, .bfloat16).map(\.repeats) == [2, 4, 2, 4, 4])
    #expect(mixed.splits(2))
    #expect(mixed.heads == 8)
  }

  @Test func layersWithoutAPriceAreNamed() throws {
    let chunked = ModelLayer(.heads(Self.heads, .chunk(tokens: 64)), .none)
    let wider = ModelLayer(.heads(Self.heads, .window(tokens: 200)), .none)
    let large = ModelLayer(.heads(.init(query: 4, kv: 2, dim: 128), .all), .none)
    var sharing = ModelLayer(.none, .dense(width: 64))
    sharing.sharesKeys = true
    let hint =
      "\n\nhint: `kvplan catalog fit` divides its memory; layers are priced that are alike, or "
      + "differ in one window"
    for (layer, what) in [
      (chunked, "layers that keep a chunk of 64"),
      (wider, "windows of different lengths"), (large, "layers with heads of different shapes"),
      (sharing, "layers that attend to the keys of others"),
    ] {
      let model = Self.model(.repeating([Self.local, layer], count: 4))
      #expect(
        message { _ = try AttentionReach(model) }
          == "error: `mixed` has \(what), which have no price yet" + hint)
    }
    let reach = try AttentionReach(Self.model(.repeating([Self.local, Self.global], count: 5)))
    #expect((reach.localLayers, reach.globalLayers, reach.window) == (3, 2, 100))
  }
}
