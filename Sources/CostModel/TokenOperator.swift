import Foundation

/// An operator whose work depends on the number of tokens (or rows) only: a matrix product or a
/// streaming kernel, the same in each of `repeats` layers.
struct TokenOperator: Equatable, Sendable {
  /// The operator's name in a breakdown.
  var name: String
  /// Layers that run it.
  var repeats: Int
  /// Kernels of one layer.
  var launches = 1
  /// Elements of the weights read in one layer; of one expert, where there are experts.
  var weightElements = 0
  /// Elements read and written for a token besides the weights.
  var elementsPerToken: Int
  /// The experts that tokens are routed over; `nil` for an operator that every token passes.
  var routing: ModelSpec.MixtureOfExperts?

  /// Seconds for `tokens` tokens, all layers; 0 for none.
  ///
  /// A matrix product takes 2 FLOPs for each weight and token.
  func seconds(tokens: Int, on roofline: Roofline) -> Double {
    guard tokens > 0 else { return 0 }
    let tokens = Double(tokens)
    let visits = routing.map { Double($0.activeExperts) } ?? 1
    let flops = 2 * Double(weightElements) * tokens * visits
    let elements =
      Double(weightElements) * expertsRead(tokens: tokens)
      + Double(elementsPerToken) * tokens * visits
    let bytes = elements * Double(ModelSpec.bytesPerElement)
    let layer =
      roofline.seconds(flops: flops, bytes: bytes) + Double(launches) * Roofline.launchSeconds
    return Double(repeats) * layer
  }

  /// Distinct experts that `tokens` tokens are expected to visit, E(1 − (1 − k/E)^T): their weights
  /// are read once each. 1 without routing.
  ///
  /// Takes routing as uniform and tokens as independent. Real routing is skewed, so that this is on
  /// the high side.
  private func expertsRead(tokens: Double) -> Double {
    guard let routing else { return 1 }
    let experts = Double(routing.experts)
    return experts * (1 - pow(1 - Double(routing.activeExperts) / experts, tokens))
  }
}

extension ModelSpec {
  /// The operators of all layers that every batched token passes, in order of execution.
  func tokenOperators(_ tensorParallel: Int) -> [TokenOperator] {
    [
      matrix("qkv projection", layers, attentionInputElements(tensorParallel)),
      matrix("output projection", layers, attentionOutputElements(tensorParallel)),
    ] + mlpOperators(tensorParallel) + [elementwiseOperator(tensorParallel)]
  }

  /// The LM head, for the rows that are sampled. The gathering of logits over GPUs is left out.
  func headOperator(_ tensorParallel: Int) -> TokenOperator {
    matrix("lm head", 1, hidden * ceilingDivide(vocab, tensorParallel))
  }

  /// A product with a matrix of `elements` elements, one side of which is the residual stream.
  ///
  /// The other side is `elements / hidden` wide. Under latent attention that stands for two stages;
  /// their traffic is small beside the weights.
  private func matrix(_ name: String, _ repeats: Int, _ elements: Int) -> TokenOperator {
    TokenOperator(
      name: name, repeats: repeats, weightElements: elements,
      elementsPerToken: hidden + elements / hidden)
  }

  private func mlpOperators(_ tensorParallel: Int) -> [TokenOperator] {
    var operators: [TokenOperator] = []
    func add(_ name: String, _ repeats: Int, width: Int, routing: MixtureOfExperts? = nil) {
      let elements = hidden * ceilingDivide(width, tensorParallel)
      var up = matrix("\(name) up", repeats, mlpInputMatrices * elements)
      var down = matrix("\(name) down", repeats, elements)
      up.routing = routing
      down.routing = routing
      operators += [up, down]
    }
    if denseLayers > 0 { add("mlp", denseLayers, width: ffn) }
    if let mixture {
      let sparseLayers = layers - denseLayers
      operators.append(matrix("router", sparseLayers, hidden * mixture.experts))
      add("experts", sparseLayers, width: mixture.ffn, routing: mixture)
      if mixture.sharedExperts > 0 {
        add("shared experts", sparseLayers, width: mixture.sharedExperts * mixture.ffn)
      }
    }
    return operators
  }

  /// Two norms (each reads and writes the stream and the residual), rotary positions (Q and K read
  /// and written) and the activation, in elements of memory traffic.
  ///
  /// The embedding's rows and the final norm are left out: a layer's part of it, once.
  private func elementwiseOperator(_ tensorParallel: Int) -> TokenOperator {
    let activeWidth = mixture.map { ($0.activeExperts + $0.sharedExperts) * $0.ffn } ?? ffn
    let norms = 2 * 4 * hidden
    let activation = (mlpInputMatrices + 1) * ceilingDivide(activeWidth, tensorParallel)
    let rotated = heads / tensorParallel + kvHeadsPerGPU(tensorParallel)
    let rotary = family == .llama ? 2 * rotated * (latent?.ropeDim ?? headDim) : 0
    return TokenOperator(
      name: "norms and activations", repeats: layers, launches: family == .llama ? 4 : 3,
      elementsPerToken: norms + activation + rotary)
  }
}
