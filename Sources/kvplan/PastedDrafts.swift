import EngineCommands
import Foundation

/// What becomes of the flags of an engine's command that say what drafts: they are simulated where it is said as well how
/// many drafts are accepted.
struct PastedDrafts {
  /// Flags without effect, as they were said: of an algorithm that is not simulated.
  private(set) var idle: [String] = []
  /// Flags of drafts that are left out for want of their acceptance.
  private(set) var undrafted: [String] = []
  /// The flag that names a head whose size is not at hand.
  private(set) var head: String?

  static let effect =
    "one token an iteration is simulated, as it is not said how many drafts are accepted: answers come faster "
    + "there as long as batches are small (`--acceptance` beside `\(PastedCommand.flag)` has them drafted)"

  init(_ settings: [EngineCommandLine.Setting], hasAcceptance: Bool) {
    let said = settings.filter(Self.isDraft)
    let drafter = said.first { ["speculative-config", "speculative-algorithm"].contains($0.name) }
    guard let drafter else {
      idle = said.map(\.said)
      return
    }
    guard hasAcceptance else {
      undrafted = said.map(\.said)
      return
    }
    guard let model = said.first(where: { $0.name == "speculative-draft-model-path" }),
      drafter.value != "STANDALONE"
    else { return }
    let isRead =
      drafter.value == "EAGLE3" && FileManager.default.fileExists(atPath: model.value ?? "")
    if !isRead { head = model.said }
  }

  private static func isDraft(_ setting: EngineCommandLine.Setting) -> Bool {
    setting.name.hasPrefix("speculative-")
  }

  /// Whether our command is without the setting.
  func leavesOut(_ setting: EngineCommandLine.Setting) -> Bool {
    Self.isDraft(setting)
      && (idle.contains(setting.said) || undrafted.contains(setting.said) || head == setting.said)
  }
}
