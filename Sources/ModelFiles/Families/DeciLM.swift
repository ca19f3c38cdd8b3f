import CostModel
import KVMemory

extension Architecture {
  /// Llamas cut down by search: each layer has its own number of KV heads and width of MLP, or has no
  /// attention at all.
  static let deciLM = Architecture("DeciLMForCausalLM", "NemotronNASForCausalLM") { text, _ in
    let count = try text.layerCount()
    guard let blocks = try text.objects("block_configs"), blocks.count == count else {
      throw text.contradiction(
        "`\(text.place)block_configs` must describe each of the \(count) layers")
    }
    return ModelDraft(layers: try blocks.map { try text.deciLayer($0) })
  }
}

extension ConfigFields {
  /// - Parameter block: What `block_configs` says of the layer.
  ///
  /// A projection in place of attention or MLP counts as a matrix as wide as the residual stream.
  fileprivate func deciLayer(_ block: ConfigFields) throws -> ModelLayer {
    let hidden = try hidden()
    var layer = ModelLayer(.none, .none)
    guard let attention = try block.optionalObject("attention"),
      let ffn = try block.optionalObject("ffn")
    else { throw contradiction("`\(block.place)attention` or `\(block.place)ffn` is missing") }
    if try attention.flag("replace_with_linear") {
      layer.attentionExtras = hidden * hidden
    } else if try !attention.flag("no_op") {
      let query = try count("num_attention_heads", limit: .heads)
      let group = try attention.count("n_heads_in_group", limit: .heads)
      guard query % group == 0 else {
        throw contradiction(
          "`\(attention.place)n_heads_in_group` \(group) does not divide the \(query) heads")
      }
      let window = try attention.optionalCount("window_length", .tokens)
      let dim = try optionalCount("head_dim", .heads) ?? hidden / query
      guard dim > 0 else { throw contradiction("\(query) heads share a width of \(hidden)") }
      layer.attention = .heads(
        .init(query: query, kv: query / group, dim: dim),
        window.map { .window(tokens: $0) } ?? .all)
    }
    if try ffn.flag("replace_with_linear") {
      layer.mlpExtras = hidden * hidden
    } else if try !ffn.flag("no_op") {
      layer.mlp = .dense(width: try ffn.deciWidth(hidden: hidden))
    }
    return layer
  }

  /// Two thirds of a multiple of the residual stream, rounded up to 256.
  ///
  /// - Source: `_ffn_mult_to_intermediate_size` of the models' published code, from memory.
  private func deciWidth(hidden: Int) throws -> Int {
    if let width = try optionalCount("intermediate_size", .innerWidth) { return width }
    guard let multiple = try optionalReal("ffn_mult"), multiple > 0, multiple <= 64 else {
      throw contradiction("`\(place)ffn_mult` must be a number from 0 to 64")
    }
    let width = Int(2 * multiple * Double(hidden) / 3)
    return max(1, (width + 255) / 256) * 256
  }
}
