import CostModel
import Serving
import SimulationKernel

/// What users set of the memory of systems whose blocks are page-groups.
package struct VirtualMemoryOptions: Equatable, Sendable {
  /// Sizes that the driver offers, KiB; all but 2,048 need a modified one.
  package enum PageGroupSize: Int, CaseIterable, Sendable {
    case kib64 = 64
    case kib128 = 128
    case kib256 = 256
    case mib2 = 2048

    package var bytes: Int { rawValue << 10 }

    /// Time of the calls that map one page-group and make it readable, seconds.
    ///
    /// - Source: vAttention (ASPLOS 2025), Table 3 (`vMemMap`; for 2 MB `cuMemMap` and
    ///   `cuMemSetAccess`, 40 µs, which §6.1 repeats).
    package var mappingSeconds: Double {
      switch self {
      case .kib64: 8e-6
      case .kib128: 8.5e-6
      case .kib256: 9e-6
      case .mib2: 40e-6
      }
    }
  }

  package var pageGroup = PageGroupSize.mib2
  /// Map ahead behind the computation.
  package var isHidden = true
  package var isReclamationDeferred = true
  /// Whether the block size has been set to what a page-group holds.
  var isResolved = false

  package init() {}
}

extension ModelSpec {
  /// Tokens whose keys (or values) of one layer a page-group holds on one GPU, at least 1.
  ///
  ///     page-group bytes ⁄ (KV heads on the GPU × head width × bytes of an element)
  ///
  /// - Source: `vattention.cu`.
  package func tokensPerPageGroup(
    bytes: Int, tensorParallel: Int, elements: ElementType = .bfloat16
  ) -> Int {
    let tokenBytes =
      kvBytesPerToken(tensorParallel: tensorParallel, elements: elements) / (2 * layers.count)
    return max(1, bytes / tokenBytes)
  }
}

extension Scenario {
  /// The same scenario with blocks as large as a page-group, in place of `--block-size`.
  func withPageGroups() throws -> Scenario {
    try model.checkTensorParallel(tensorParallel)
    var scenario = self
    scenario.blockSize = model.tokensPerPageGroup(
      bytes: virtualMemory.pageGroup.bytes, tensorParallel: tensorParallel, elements: kvCache)
    scenario.virtualMemory.isResolved = true
    return scenario
  }

  /// What mapping costs: a call for K and V of every layer.
  var pageGroupSettings: PageGroupSettings {
    let seconds = Double(2 * model.layers.count) * virtualMemory.pageGroup.mappingSeconds
    return PageGroupSettings(
      mappingTime: SimDuration(rounding: seconds), isHidden: virtualMemory.isHidden,
      isReclamationDeferred: virtualMemory.isReclamationDeferred)
  }
}
