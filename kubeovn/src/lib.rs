//! Types of the kubeovn.io objects that the daemons read.
