import CKernels
import Foundation

/// The machine that kernels run on, as far as their speed depends on it: a profile measured on
/// another one does not hold here.
package struct KernelMachine: Equatable, Sendable, Codable {
  /// The processor's name, as the system tells it.
  package var processor: String
  package var cores: Int
  /// Kernels that OpenBLAS uses.
  package var blas: String
  /// Instruction set of our own kernels: `avx512`, `avx2` or `baseline`.
  package var instructionSet: String

  package static var instructionSet: String { String(cString: ck_instruction_set()) }

  package init(processor: String, cores: Int, blas: String, instructionSet: String) {
    self.processor = processor
    self.cores = cores
    self.blas = blas
    self.instructionSet = instructionSet
  }

  /// This machine.
  package static var current: KernelMachine {
    KernelMachine(
      processor: processorName, cores: ProcessInfo.processInfo.activeProcessorCount,
      blas: OpenBLAS.coreName, instructionSet: instructionSet)
  }

  private static var processorName: String {
    let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
    let name = line?.split(separator: ":", maxSplits: 1).last ?? "unknown processor"
    return name.trimmingCharacters(in: .whitespaces)
  }

  /// What differs from `other`, in words; empty if nothing does.
  package func differences(from other: KernelMachine) -> [String] {
    var differences: [String] = []
    func compare(_ name: String, _ mine: String, _ theirs: String) {
      if mine != theirs { differences.append("\(name) `\(theirs)`, here `\(mine)`") }
    }
    compare("processor", processor, other.processor)
    compare("cores", "\(cores)", "\(other.cores)")
    compare("OpenBLAS core", blas, other.blas)
    compare("instruction set", instructionSet, other.instructionSet)
    return differences
  }
}
