/// How a checkpoint stores a matrix.
package struct WeightFormat: Equatable, Sendable {
  /// As people call it: `mxfp4`.
  package var name: String
  /// The type that kernels are priced by.
  package var elements: ElementType
  /// Bytes of an element with the scales that belong to it, which differ between checkpoints of one
  /// type.
  package var bytes: Double

  package init(_ name: String, _ elements: ElementType, bytes: Double) {
    self.name = name
    self.elements = elements
    self.bytes = bytes
  }

  /// As ``ElementType/bytes`` has it.
  package init(_ elements: ElementType) {
    self.init(elements.rawValue, elements, bytes: elements.bytes)
  }

  /// 16 bits, of either kind.
  package static let bfloat16 = WeightFormat(.bfloat16)
}
