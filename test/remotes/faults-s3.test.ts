import { describeFaults } from "./fault-suite.ts";

describeFaults("s3");
