import { doctor } from "../../ops/doctor.ts";
import type { CommandDefinition } from "../command.ts";
import { EXIT } from "../exit-status.ts";
import { formatPlural } from "../format.ts";
import { escapeName } from "../terminal.ts";

export const command: CommandDefinition = {
  examples: [
    ["mlv doctor", "look at everything that mlv depends on here"],
    ["mlv doctor --offline", "leave the remotes alone"],
  ],
  configure: (command_, run) => {
    command_.option("--offline", "leave the remotes alone").action(
      run(async ({ session, options }) => {
        const result = await doctor(session.operation, { offline: options["offline"] === true });
        session.document({ command: "doctor", ...result });
        const { style } = session;
        const marks = { ok: style.green("ok     "), warning: style.yellow("warning"), failed: style.red("failed ") };
        for (const check of result.checks) {
          session.print(`${marks[check.state]}  ${escapeName(check.message)}`);
          if (check.hint !== undefined) session.print(`         ${style.cyan("hint:")} ${escapeName(check.hint)}`);
        }
        if (result.failures + result.warnings > 0)
          session.print(`${formatPlural(result.failures, "failure")}, ${formatPlural(result.warnings, "warning")}`);
        return result.failures > 0 ? EXIT.failed : EXIT.done;
      }),
    );
  },
};
