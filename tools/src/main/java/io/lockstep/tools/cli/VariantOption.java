package io.lockstep.tools.cli;

import io.lockstep.tools.UserError;
import io.lockstep.tools.repro.EagerLockVariant;
import picocli.CommandLine.Option;

/** Confined to its command. Whose eager lock. */
final class VariantOption {
  @Option(
      names = "--variant",
      paramLabel = "NAME",
      defaultValue = "lockstep",
      description = {
        "afr-before: GlusterFS 4.1 to 11.1; afr-after: with its fix; lockstep: ours",
        "(default: ${DEFAULT-VALUE})"
      })
  private String name;

  EagerLockVariant variant() throws UserError {
    return EagerLockVariant.named(name)
        .orElseThrow(
            () ->
                UserError.misuse(
                    "--variant is \"%s\", expected afr-before, afr-after or lockstep", name));
  }
}
