import CostModel

/// What a model hears with: transformer layers over frames of sound, and a projector.
///
/// - Source: the encoders of transformers: Whisper's, which Qwen, Voxtral and MiniCPM-o have, and the conformer of
/// Gemma-3n and 4.
enum AudioTower {
  /// Parameters by the fields of `audio_config`; 0 where it is missing or has other fields.
  ///
  /// Biases, norms and positions are left out.
  ///
  /// - Parameters:
  ///   - root: The fields of the whole model.
  ///   - text: Those of its language model.
  static func parameters(_ root: ConfigFields, text: ConfigFields) throws -> Int {
    guard let audio = try root.optionalObject("audio_config") else { return 0 }
    let isGemma4 = try audio.optionalText("model_type")?.hasPrefix("gemma4") ?? false
    let conformer = isGemma4 ? "num_hidden_layers" : "conf_num_hidden_layers"
    if let layers = try audio.optionalCount(conformer, .layers) {
      // Two MLPs of four times the width, attention with a projection of positions, and a gated convolution.
      let hidden = try audio.hidden()
      return layers * 24 * hidden * hidden
    }
    func number(_ names: String...) throws -> Int? {
      for name in names {
        if let number = try audio.optionalCount(name, .width) { return number }
      }
      return nil
    }
    guard let layers = try number("encoder_layers", "num_hidden_layers"),
      layers <= ConfigFields.Limit.layers.rawValue,
      let hidden = try number("d_model", "hidden_size"),
      let inner = try number("encoder_ffn_dim", "intermediate_size")
    else { return 0 }
    let convolutions = 3 * hidden * (hidden + (try number("num_mel_bins") ?? 0))
    let out = try number("output_dim") ?? text.hidden()
    return layers * (4 * hidden * hidden + 2 * hidden * inner) + convolutions + hidden * out
  }
}
