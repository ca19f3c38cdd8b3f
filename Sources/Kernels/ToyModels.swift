import CostModel
import KVMemory
import Messages

/// The models that really run: small transformers with random weights, fp32.
///
/// They compute what a language model of their shape computes and mean nothing by it.
package enum ToyModels {
  /// The toy model of that name.
  ///
  /// - Throws: ``UserError`` with the names there are.
  package static func find(_ name: String) throws -> ModelSpec {
    if let model = ModelCatalogue.toys.first(where: { $0.name == name }) { return model }
    let names = ModelCatalogue.toys.map { "`\($0.name)`" }.joined(separator: ", ")
    throw UserError("no model `\(name)` that runs on the CPU", hint: "there are \(names)")
  }

  /// What a sequence keeps in the arenas: keys and values of all its tokens and layers, fp32.
  package static func kvCache(_ model: ModelSpec, blockTokens: Int) -> KVCacheSpec {
    let layers = model.layers.count
    let bytes = KVArena.bytes(
      layers: layers, kvHeads: model.kvHeads, headDim: model.headDim, blockSize: blockTokens,
      blocks: 1)
    return KVCacheSpec(groups: [
      KVGroup(layers: layers, blockTokens: blockTokens, blockBytes: bytes, keeps: .all)
    ])
  }

  /// Bytes of keys and values of one token, all layers, fp32.
  package static func kvBytesPerToken(_ model: ModelSpec) -> Int {
    kvCache(model, blockTokens: 1).bytesPerToken
  }

  /// Bytes of the weights, fp32.
  package static func weightBytes(_ model: ModelSpec) -> Int {
    model.parameters() * MemoryLayout<Float>.stride
  }
}
