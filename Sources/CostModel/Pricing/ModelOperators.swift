import Foundation

/// A matrix product that a batch passes through, the same in each of `repeats` layers.
struct ProductOperator: Equatable, Sendable {
  /// The operator's name in a breakdown.
  var name: String
  var repeats: Int
  /// Columns of the weights, on one GPU.
  var n: Double
  /// Rows of the weights, on one GPU.
  var k: Double
  var elements: ElementType
  /// The experts that tokens are routed over; `nil` for a product that every token passes.
  var routing: ModelLayer.Experts?

  /// Seconds for `tokens` tokens, all layers; 0 for none.
  ///
  /// Routed tokens run as one grouped product: each expert that is visited at all has an equal share
  /// of the visits, and its columns stand beside those of the others.
  func seconds(tokens: Int, _ price: (Double, Double, Double) -> Double) -> Double {
    guard tokens > 0 else { return 0 }
    guard let routing else { return Double(repeats) * price(Double(tokens), n, k) }
    let visited = expertsVisited(Double(tokens), routing)
    let share = Double(tokens) * Double(routing.activeExperts) / visited
    return Double(repeats) * price(share, n * visited, k)
  }

  /// Whether both are the same product, in however many layers.
  func isSameProduct(as other: ProductOperator) -> Bool {
    var repeated = other
    repeated.repeats = repeats
    return self == repeated
  }

  /// Distinct experts that `tokens` tokens are expected to visit, E(1 − (1 − k/E)^T).
  ///
  /// Takes routing as uniform and tokens as independent. Real routing is skewed, so that this is on
  /// the high side.
  private func expertsVisited(_ tokens: Double, _ routing: ModelLayer.Experts) -> Double {
    let experts = Double(routing.experts)
    return experts * (1 - pow(1 - Double(routing.activeExperts) / experts, tokens))
  }
}

extension ModelSpec {
  /// The products of all layers that every batched token passes, in order of execution: those of
  /// attention, then those of MLPs. Products of one shape are one operator, in however many layers.
  func products(_ tensorParallel: Int, _ elements: ElementType) -> [ProductOperator] {
    let split = LayerSplit(self, tensorParallel)
    var products: [ProductOperator] = []
    func add(_ layer: [ProductOperator], in count: Int) {
      for product in layer {
        if let same = products.firstIndex(where: { $0.isSameProduct(as: product) }) {
          products[same].repeats += count * product.repeats
        } else {
          products.append(product)
          products[products.count - 1].repeats *= count
        }
      }
    }
    for kind in layers.kinds {
      add(split.attentionProducts(of: kind.layer, elements), in: kind.count)
    }
    for kind in layers.kinds { add(split.mlpProducts(of: kind.layer, elements), in: kind.count) }
    return products
  }

  /// The LM head, 16-bit in quantised models too, for the rows that are sampled. The gathering of
  /// logits over GPUs is left out.
  func headProduct(_ tensorParallel: Int) -> ProductOperator {
    ProductOperator(
      name: "lm head", repeats: 1, n: Double(ceilingDivide(vocab, tensorParallel)),
      k: Double(hidden), elements: .bfloat16)
  }

  /// Kernels of one layer that only move data, by the bytes of a token: two norms (each reads and
  /// writes the stream and the residual), rotary positions (Q and K read and written), the
  /// activation.
  ///
  /// All layers count like the one there are most of. The embedding's rows and the final norm are
  /// left out: a layer's part of it, once.
  ///
  /// - Parameter withExperts: Whether routed experts have their activation counted here.
  func streamedBytes(_ tensorParallel: Int, withExperts: Bool) -> [Double] {
    let layer = layers.commonest
    let norm = 4 * hidden
    let width = withExperts ? layer.activeWidth : layer.sharedWidth
    let activation = (mlpInputMatrices + 1) * ceilingDivide(width, tensorParallel)
    var rotary: [Int] = []
    if family == .llama, let heads = layer.heads {
      let rotated = heads.query / tensorParallel + heads.kvOnGPU(tensorParallel)
      if case .latent(let latent, _) = layer.attention {
        rotary = [2 * rotated * latent.ropeDim]
      } else {
        rotary = [2 * rotated * heads.dim]
      }
    }
    return ([norm, norm, activation] + rotary).filter { $0 > 0 }.map {
      Double($0 * Self.bytesPerElement)
    }
  }
}

extension LayerSplit {
  /// Those of one layer's attention.
  fileprivate func attentionProducts(
    of layer: ModelLayer, _ elements: ElementType
  ) -> [ProductOperator] {
    let (attention, formats) = (layer.attention, layer.formats)
    let (input, output) = (attentionInputElements(attention), attentionOutputElements(attention))
    guard input > 0 else { return [] }
    let (own, ownOut) = (formats.attentionInput?.elements, formats.attentionOutput?.elements)
    return [
      product("qkv projection", own ?? elements, count: input, k: hidden),
      product("output projection", ownOut ?? elements, count: output, k: output / hidden),
    ]
  }

  /// Those of one layer's MLP.
  fileprivate func mlpProducts(
    of layer: ModelLayer, _ elements: ElementType
  ) -> [ProductOperator] {
    let own = layer.formats.mlp?.elements ?? elements
    switch layer.mlp {
    case .dense(let width): return pair("mlp", own, width: width)
    case .experts(let experts):
      var products = [product("router", elements, count: hidden * experts.experts, k: hidden)]
      products += pair("experts", own, width: experts.ffn, routing: experts)
      if experts.sharedExperts > 0 {
        products += pair(
          "shared experts", layer.formats.sharedExperts?.elements ?? elements,
          width: experts.sharedExperts * experts.ffn)
      }
      return products
    case .none: return []
    }
  }

  /// The products that widen and the one that narrows.
  private func pair(
    _ name: String, _ elements: ElementType, width: Int, routing: ModelLayer.Experts? = nil
  ) -> [ProductOperator] {
    let width = ceilingDivide(width, tensorParallel)
    let stream = routing?.stream ?? hidden
    var up = product("\(name) up", elements, count: mlpInputMatrices * stream * width, k: stream)
    var down = product("\(name) down", elements, count: stream * width, k: width)
    up.routing = routing
    down.routing = routing
    return [up, down]
  }

  /// A product of `count` weights in one layer.
  private func product(
    _ name: String, _ elements: ElementType, count: Int, k: Int
  ) -> ProductOperator {
    ProductOperator(
      name: name, repeats: 1, n: Double(count) / Double(k), k: Double(k), elements: elements)
  }
}

extension ModelLayer.Attention {
  /// The heads as decode kernels see them on one GPU; zeros where no kernel attends.
  ///
  /// Latent attention decodes on the cached vector itself: one KV head whose keys and values are
  /// one vector, so that half its width stands for each.
  func decodeHeads(_ tensorParallel: Int) -> ModelLayer.Heads {
    switch self {
    case .heads(let heads, _):
      .init(
        query: heads.query / tensorParallel, kv: heads.kvOnGPU(tensorParallel), dim: heads.dim)
    case .latent(let latent, let heads):
      .init(
        query: heads.query / tensorParallel, kv: 1, dim: (latent.kvLoraRank + latent.ropeDim) / 2)
    case .compressed, .recurrent, .none: .init(query: 0, kv: 0, dim: 0)
    }
  }

  /// The same for prefill, where latent vectors are expanded to keys and values.
  func prefillHeads(_ tensorParallel: Int) -> ModelLayer.Heads {
    guard case .latent(let latent, let shape) = self else { return decodeHeads(tensorParallel) }
    let heads = shape.query / tensorParallel
    return .init(
      query: heads, kv: heads, dim: (latent.nopeDim + latent.ropeDim + latent.valueDim) / 2)
  }
}
