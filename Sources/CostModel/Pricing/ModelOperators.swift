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
  var routing: ModelSpec.MixtureOfExperts?

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

  /// Distinct experts that `tokens` tokens are expected to visit, E(1 − (1 − k/E)^T).
  ///
  /// Takes routing as uniform and tokens as independent. Real routing is skewed, so that this is on
  /// the high side.
  private func expertsVisited(_ tokens: Double, _ routing: ModelSpec.MixtureOfExperts) -> Double {
    let experts = Double(routing.experts)
    return experts * (1 - pow(1 - Double(routing.activeExperts) / experts, tokens))
  }
}

extension ModelSpec {
  /// The products of all layers that every batched token passes, in order of execution.
  func products(_ tensorParallel: Int, _ elements: ElementType) -> [ProductOperator] {
    func product(_ name: String, _ repeats: Int, elements count: Int, k: Int) -> ProductOperator {
      ProductOperator(
        name: name, repeats: repeats, n: Double(count) / Double(k), k: Double(k),
        elements: elements)
    }
    let output = attentionOutputElements(tensorParallel)
    var products = [
      product(
        "qkv projection", layers, elements: attentionInputElements(tensorParallel), k: hidden),
      product("output projection", layers, elements: output, k: output / hidden),
    ]
    func addMLP(
      _ name: String, _ repeats: Int, width: Int, routing: MixtureOfExperts? = nil
    ) {
      let width = ceilingDivide(width, tensorParallel)
      var up = product(
        "\(name) up", repeats, elements: mlpInputMatrices * hidden * width, k: hidden)
      var down = product("\(name) down", repeats, elements: hidden * width, k: width)
      up.routing = routing
      down.routing = routing
      products += [up, down]
    }
    if denseLayers > 0 { addMLP("mlp", denseLayers, width: ffn) }
    if let mixture {
      let sparseLayers = layers - denseLayers
      products.append(
        product("router", sparseLayers, elements: hidden * mixture.experts, k: hidden))
      addMLP("experts", sparseLayers, width: mixture.ffn, routing: mixture)
      if mixture.sharedExperts > 0 {
        addMLP("shared experts", sparseLayers, width: mixture.sharedExperts * mixture.ffn)
      }
    }
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
  /// The embedding's rows and the final norm are left out: a layer's part of it, once.
  func streamedBytes(_ tensorParallel: Int) -> [Double] {
    let activeWidth = mixture.map { ($0.activeExperts + $0.sharedExperts) * $0.ffn } ?? ffn
    let norm = 4 * hidden
    let activation = (mlpInputMatrices + 1) * ceilingDivide(activeWidth, tensorParallel)
    let rotated = heads / tensorParallel + kvHeadsPerGPU(tensorParallel)
    let rotary = family == .llama ? [2 * rotated * (latent?.ropeDim ?? headDim)] : []
    return ([norm, norm, activation] + rotary).map { Double($0 * Self.bytesPerElement) }
  }

  /// Query heads, KV heads and head width as decode kernels see them on one GPU.
  ///
  /// Latent attention decodes on the cached vector itself: one KV head whose keys and values are
  /// one vector, so that half its width stands for each.
  func decodeHeads(_ tensorParallel: Int) -> (heads: Double, kvHeads: Double, headDim: Int) {
    let heads = Double(heads / tensorParallel)
    guard let latent else { return (heads, Double(kvHeadsPerGPU(tensorParallel)), headDim) }
    return (heads, 1, (latent.kvLoraRank + latent.ropeDim) / 2)
  }

  /// The same for prefill, where latent vectors are expanded to keys and values.
  func prefillHeads(_ tensorParallel: Int) -> (heads: Double, kvHeads: Double, headDim: Int) {
    let heads = Double(heads / tensorParallel)
    guard let latent else { return (heads, Double(kvHeadsPerGPU(tensorParallel)), headDim) }
    return (heads, heads, (latent.nopeDim + latent.ropeDim + latent.valueDim) / 2)
  }
}
