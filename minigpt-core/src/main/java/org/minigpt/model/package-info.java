/** The GPT: its configuration, its parameters, its loss and gradients, and adapters to it. */
package org.minigpt.model;
