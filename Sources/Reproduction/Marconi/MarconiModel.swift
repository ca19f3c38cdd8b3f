/// A hybrid model as Marconi counts it: bytes that a prefix keeps, and operations that finding it saves.
///
/// - Source: the public code ruipeterpan/marconi, its default model: 24 recurrent layers, 4 of attention and 28 MLPs of
///   width 4,096, states of 128 numbers a channel, 16 bits. Its saving of MLPs subtracts the parent's attention; here each
///   kind of layer subtracts its own.
struct MarconiModel: Equatable, Sendable {
  var recurrentLayers = 24
  var attentionLayers = 4
  var mlpLayers = 28
  var width = 4096
  var stateWidth = 128

  /// Keys and values of a token.
  var tokenBytes: Int { attentionLayers * 4 * width }

  /// A state: 2dN, and the convolution's (2d + 2N) × 4 numbers of 2 bytes.
  var stateBytes: Int {
    recurrentLayers * (2 * width * stateWidth + (2 * width + 2 * stateWidth) * 4 * 2)
  }

  /// Operations of a prefix.
  func operations(_ tokens: Int) -> Double {
    let (length, d, n) = (Double(tokens), Double(width), Double(stateWidth))
    let attention = 8 * length * d * d + 4 * length * length * d
    let mlp = 16 * length * d * d
    let recurrent = 12 * length * d * d + 16 * length * d * n + 10 * length * d
    return Double(attentionLayers) * attention + Double(mlpLayers) * mlp
      + Double(recurrentLayers) * recurrent
  }
}
